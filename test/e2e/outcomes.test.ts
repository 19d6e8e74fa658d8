/** What becomes of messages that do not simply arrive. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { assertAuthenticated } from '../rig/mailboxes.ts';
import { type PipelineInUse, usePipeline } from '../rig/shared-pipeline.ts';

const mail = { from: 'hello@millrace.test', subject: 'Hello', text: 'Hello', stream: 'realtime' };

describe('Outcomes', () => {
  let pipeline: PipelineInUse;
  before(async () => {
    pipeline = await usePipeline();
  });
  after(() => pipeline.stop());

  const lifeOf = async (to: string, fields: object = {}) =>
    pipeline.events.life(await pipeline.api.sendOne({ ...mail, to: [to], ...fields }));

  test('an unknown user bounces with the words of the provider', async () => {
    const life = await lifeOf(`bounce+${pipeline.unique('x')}@gmail.com`);
    assert.deepEqual(
      life.map(({ kind }) => kind),
      ['accepted', 'routed', 'bounced'],
    );
    const bounced = life.at(-1);
    assert.equal(bounced?.reply_code, 550);
    assert.equal(bounced?.enhanced_code, '5.1.1');
    assert.equal(bounced?.bounce_category, 'invalid_recipient');
    assert.match(bounced?.text ?? '', /does not exist/);
  });

  test('a deferred message is tried again and arrives; each try is told', async () => {
    const to = `defer-1+${pipeline.unique('x')}@tail-31.test`;
    const life = await lifeOf(to);
    assert.deepEqual(
      life.map(({ kind, attempt }) => [kind, attempt]),
      [
        ['accepted', 0],
        ['routed', 0],
        ['deferred', 1],
        ['delivered', 2],
      ],
    );
    const deferred = life[2];
    assert.ok((deferred?.reply_code ?? 0) >= 400 && (deferred?.reply_code ?? 0) < 500);
    assert.ok((deferred?.next_attempt_at ?? 0) > (deferred?.time ?? 0));
    assert.equal((await pipeline.mailboxes.of(to)).length, 1);
  });

  test('a domain that takes no mail, or is not there, bounces without a try', async () => {
    for (const domain of ['nullmx.test', 'no-such-domain.test']) {
      const life = await lifeOf(`anna@${domain}`);
      assert.deepEqual(
        life.map(({ kind }) => kind),
        ['accepted', 'bounced'],
        domain,
      );
      assert.equal(life.at(-1)?.attempt, 0);
    }
  });

  test('a suppressed address gets nothing, until the suppression is gone', async () => {
    const to = `${pipeline.unique('quiet')}@gmail.com`;
    const put = await pipeline.api.call('PUT', `/v1/suppressions/${to}`, { reason: 'manual' });
    assert.ok(put.ok, await put.text());
    // The router follows the topic: it may take a moment to see it.
    let last = await lifeOf(to);
    for (let tries = 0; last.at(-1)?.kind !== 'suppressed' && tries < 50; tries += 1) last = await lifeOf(to);
    assert.equal(last.at(-1)?.kind, 'suppressed');
    const removed = await pipeline.api.call('DELETE', `/v1/suppressions/${to}`);
    assert.ok(removed.ok, await removed.text());
    last = await lifeOf(to);
    for (let tries = 0; last.at(-1)?.kind !== 'delivered' && tries < 50; tries += 1) last = await lifeOf(to);
    assert.equal(last.at(-1)?.kind, 'delivered');
  });

  test('send_at: not before that time', async () => {
    const to = `${pipeline.unique('later')}@outlook.com`;
    const at = Date.now() + 3_000;
    const life = await lifeOf(to, { send_at: new Date(at).toISOString() });
    assert.equal(life.at(-1)?.kind, 'delivered');
    assert.ok(((await pipeline.mailboxes.one(to)).received_at ?? 0) >= at - 50);
  });

  test('expires_at: what cannot be delivered by then becomes an expired event', async () => {
    const life = await lifeOf(`defer+${pipeline.unique('x')}@tail-32.test`, {
      expires_at: Date.now() + 4_000,
    });
    const expired = life.at(-1);
    assert.equal(expired?.kind, 'expired');
    // With the answer to the last try.
    assert.ok((expired?.attempt ?? 0) >= 1);
    assert.ok((expired?.reply_code ?? 0) >= 400 && (expired?.reply_code ?? 0) < 500);
  });

  test('internationalised domains and addresses arrive, the latter only where SMTPUTF8 is offered', async () => {
    const domain = `${pipeline.unique('leser')}@bücher.test`;
    assert.equal((await lifeOf(domain)).at(-1)?.kind, 'delivered');
    const [inDomain] = await pipeline.mailboxes.of(domain.replace('bücher', 'xn--bcher-kva'));
    assert.ok(inDomain);
    assertAuthenticated(inDomain);

    const local = `${pipeline.unique('jürgen')}@tail-33.test`;
    assert.equal((await lifeOf(local)).at(-1)?.kind, 'delivered');
    const [inLocal] = await pipeline.mailboxes.of(local);
    assert.ok(inLocal);
    assert.ok(inLocal.mail_parameters.includes('SMTPUTF8'));
    assertAuthenticated(inLocal);

    const refused = await lifeOf(`${pipeline.unique('jürgen')}@yahoo.com`);
    assert.equal(refused.at(-1)?.kind, 'bounced');
    assert.equal(refused.at(-1)?.enhanced_code, '5.6.7');
  });

  test('an MX that does not answer is passed over for the next', async () => {
    const to = `${pipeline.unique('next')}@failover.test`;
    const life = await lifeOf(to);
    assert.equal(life.at(-1)?.kind, 'delivered');
    assert.equal(life.at(-1)?.mx, 'mx2.special.test');
  });
});
