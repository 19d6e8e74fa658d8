import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { TextAnswer } from '../dns/mx-answer.ts';
import { type KeptPolicy, StsPolicies } from './sts-policies.ts';

const minuteMs = 60_000;
const dayMs = 86_400_000;

const file = (mode = 'enforce', maxAgeSeconds = 604_800): string =>
  `version: STSv1\nmode: ${mode}\nmx: mx.a.test\nmax_age: ${maxAgeSeconds}\n`;
const record = (id: string): TextAnswer => ({ kind: 'texts', texts: [`v=STSv1; id=${id};`] });

/** A domain whose record and file a test changes as time goes by. */
function world() {
  const state = {
    now: 1_000_000,
    record: record('1'),
    file: async (): Promise<string> => file(),
    fetches: 0,
    asked: [] as string[],
    failures: [] as string[],
    kept: [] as KeptPolicy[],
  };
  const policies = new StsPolicies({
    resolver: {
      texts: async (name) => {
        state.asked.push(name);
        return state.record;
      },
    },
    fetch: () => {
      state.fetches += 1;
      return state.file();
    },
    now: () => state.now,
    onFetched: (_, kept) => state.kept.push(kept),
    onFailure: (domain, reason) => state.failures.push(`${domain}: ${reason}`),
  });
  const mode = async (domain = 'a.test'): Promise<string> =>
    (await policies.find(domain))?.mode ?? 'no policy';
  return { state, policies, mode };
}

describe('Policies of domains, RFC 8461', () => {
  it('are fetched once and hold for as long as they say', async () => {
    const { state, policies } = world();
    for (let times = 0; times < 3; times++) {
      assert.deepEqual((await policies.find('A.test.'))?.mx, ['mx.a.test']);
    }
    assert.equal(state.fetches, 1);
    assert.deepEqual(new Set(state.asked), new Set(['_mta-sts.a.test']));
  });

  it('are looked for under the ASCII form of a name', async () => {
    const { state, mode } = world();
    await mode('bücher.test');
    assert.deepEqual(state.asked, ['_mta-sts.xn--bcher-kva.test']);
  });

  it('are none where DNS announces none, and nobody is asked over HTTPS', async () => {
    const { state, mode } = world();
    state.record = { kind: 'none' };
    assert.equal(await mode(), 'no policy');
    assert.equal(state.fetches, 0);
  });

  it('stay in force when the record is gone, or DNS is, until their time is over', async () => {
    const { state, mode } = world();
    assert.equal(await mode(), 'enforce');
    state.record = { kind: 'none' };
    state.now += 6 * dayMs;
    assert.equal(await mode(), 'enforce');
    state.record = { kind: 'temporary', reason: 'SERVFAIL' };
    assert.equal(await mode(), 'enforce');
    state.now += 2 * dayMs;
    assert.equal(await mode(), 'no policy');
  });

  it('are fetched anew when the record names another', async () => {
    const { state, mode } = world();
    assert.equal(await mode(), 'enforce');
    state.record = record('2');
    state.file = async () => file('none');
    assert.equal(await mode(), 'none');
    assert.equal(state.fetches, 2);
  });

  it('stay in force when the new one cannot be had, which is tried again after five minutes', async () => {
    const { state, mode } = world();
    await mode();
    state.record = record('2');
    state.file = () => Promise.reject(new Error('connection refused'));
    assert.equal(await mode(), 'enforce');
    state.now += 4 * minuteMs;
    assert.equal(await mode(), 'enforce');
    assert.equal(state.fetches, 2);
    state.file = async () => file('testing');
    state.now += 2 * minuteMs;
    assert.equal(await mode(), 'testing');
    assert.deepEqual(state.failures, ['a.test: connection refused']);
  });

  it('that never could be had do not hold mail up, and nobody is asked for five minutes', async () => {
    const { state, mode } = world();
    state.file = async () => '<html>';
    assert.equal(await mode(), 'no policy');
    assert.equal(await mode(), 'no policy');
    assert.equal(state.fetches, 1);
    assert.deepEqual(state.failures, ['a.test: not of version STSv1']);
  });

  it('are refreshed every day behind the back of whoever asks', async () => {
    const { state, mode } = world();
    await mode();
    state.now += dayMs + 1;
    const { promise, resolve } = Promise.withResolvers<string>();
    state.file = () => promise;
    // Answered while the fetch is still under way.
    assert.equal(await mode(), 'enforce');
    assert.equal(await mode(), 'enforce');
    assert.equal(state.fetches, 2);
    resolve(file('enforce', 31_000_000));
    await promise;
    await new Promise((done) => setImmediate(done));
    state.record = { kind: 'none' };
    state.now += 200 * dayMs;
    assert.equal(await mode(), 'enforce');
  });

  it('are fetched once however many ask', async () => {
    const { state, mode } = world();
    const { promise, resolve } = Promise.withResolvers<string>();
    state.file = () => promise;
    const asked = Array.from({ length: 20 }, () => mode());
    await new Promise((done) => setImmediate(done));
    resolve(file());
    assert.deepEqual(new Set(await Promise.all(asked)), new Set(['enforce']));
    assert.equal(state.fetches, 1);
  });

  it('of an earlier process are in force from the start, whatever DNS says, until their time is over', async () => {
    const earlier = world();
    await earlier.mode();
    const [kept] = earlier.state.kept;
    assert.ok(kept !== undefined);
    const { state, policies, mode } = world();
    state.record = { kind: 'none' };
    state.now = earlier.state.now + dayMs;
    assert.equal(policies.restore('a.test', kept), true);
    assert.equal(await mode(), 'enforce');
    assert.equal(state.fetches, 0);
    state.now += 7 * dayMs;
    assert.equal(await mode(), 'no policy');
    assert.equal(policies.restore('a.test', kept), false);
    assert.throws(() => policies.restore('a.test', { ...kept, file: '' }), /not of version STSv1/);
  });
});
