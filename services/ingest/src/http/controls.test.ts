import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { ControlTable, topics } from '@millrace/core';
import { connectKafka, kafkaOptionsOf } from '@millrace/kafka';
import { type Call, type Rig, startRig, until } from '../ingest-rig.ts';

let rig: Rig;
before(async () => {
  rig = await startRig({ smtp: { enabled: false } });
  await rig.ready();
});
after(() => rig[Symbol.asyncDispose]());

const pathOf = (kind: string, scope: string): string => `/v1/controls/${kind}/${encodeURIComponent(scope)}`;
const put = (kind: string, scope: string, body: object, more: Call = {}) =>
  rig.call('PUT', pathOf(kind, scope), { body: { reason: 'asked', ...body }, ...more });

interface Shown {
  readonly kind: string;
  readonly scope: string;
  readonly author: string;
  readonly until: string | null;
  readonly limits?: object;
  readonly yaml?: string;
}
const listed = async (of: Rig = rig): Promise<readonly Shown[]> =>
  JSON.parse(await (await of.call('GET', '/v1/controls')).text()).controls;

/** mail.control as every worker reads it. */
const followed = async (): Promise<ControlTable> => {
  const kafka = await connectKafka(kafkaOptionsOf(rig.settings, 'test'));
  const controls = new ControlTable();
  const table = await kafka.followedTable({
    topic: topics.control,
    record: 'ControlState',
    onChange: (key, record) => assert.notEqual(controls.apply(key, record).kind, 'refused'),
  });
  await table.caughtUp();
  await table.stop();
  await kafka.stop();
  return controls;
};

test('each kind is set, listed, followed by whoever reads mail.control, and undone', async () => {
  const end = new Date(Date.now() + 3_600_000).toISOString();
  const orders: [string, string, object][] = [
    ['suspension', 'lane:batch/gmail/one', { until: end, author: 'ada' }],
    ['limits', 'isp:batch/gmail', { limits: { max_message_rate: '10/min', connection_limit: 2 } }],
    ['drop', 'campaign:acme/spring sale', {}],
    ['move', 'domain:Example.COM', { to: { pool: 'spare' } }],
    ['hold', 'warmup:one', {}],
    ['shaping', 'shaping', { yaml: 'isps: { gmail: { connection_limit: 3 } }', name: 'ours.yaml' }],
  ];
  for (const [kind, scope, body] of orders) {
    const answer = await put(kind, scope, body);
    assert.equal(answer.status, 200, await answer.clone().text());
  }
  const shown = await listed();
  assert.deepEqual(
    shown.map(({ kind, scope }) => `${kind} ${scope}`),
    orders.map(([kind, scope]) => `${kind} ${scope.toLowerCase()}`),
  );
  assert.deepEqual([shown[0]?.author, shown[0]?.until], ['ada', end]);
  assert.equal(shown[1]?.author, 'full', 'the id of the API key');
  assert.deepEqual(shown[1]?.limits, { connection_limit: 2, max_message_rate: '10/min' });
  assert.equal(shown[5]?.yaml, undefined);
  const whole: Shown = JSON.parse(await (await rig.call('GET', pathOf('shaping', 'shaping'))).text());
  assert.equal(whole.yaml, 'isps: { gmail: { connection_limit: 3 } }');

  const controls = await followed();
  const now = Date.now();
  const lane = { stream: 'batch', isp: 'gmail', site: 'x', source: 'one' } as const;
  assert.equal(controls.blocking(lane, now)?.control.author, 'ada');
  assert.deepEqual(controls.limitChangesOf(lane, now).inForce[0]?.changes, {
    ...{ connections: 2, messagesPerSecond: 10 / 60 },
  });
  assert.ok(controls.dropping({ ...lane, tenant: 'acme', campaign: 'spring sale' }, now));
  assert.deepEqual(controls.moveOf({ ...lane, domain: 'example.com' }, now)?.to, {
    ...{ kind: 'pool', name: 'spare' },
  });

  for (const [kind, scope] of orders) {
    assert.equal((await rig.call('DELETE', pathOf(kind, scope))).status, 204);
    assert.equal((await rig.call('GET', pathOf(kind, scope))).status, 404);
  }
  assert.deepEqual(await listed(), []);
  assert.equal((await followed()).size, 0);
});

test('what one process sets, another lists', async () => {
  await using second = await startRig({ installation: rig.installation, smtp: { enabled: false } });
  await second.ready();
  assert.equal((await put('suspension', 'tenant:umbrella', {})).status, 200);
  await until('the suspension', async () => (await listed(second)).length === 1);
  assert.equal((await second.call('DELETE', pathOf('suspension', 'tenant:umbrella'))).status, 204);
  await until('its end', async () => (await listed()).length === 0);
});

test('what has no sense here is refused, with the field, and nothing is set', async () => {
  const wrong: [string, string, object, string, RegExp][] = [
    ['suspnsion', 'source:one', {}, 'kind', /Did you mean "suspension"/],
    ['cap', 'source:one', {}, 'kind', /must be/],
    ['warmup', 'warmup:one', {}, 'kind', /must be/],
    ['suspension', 'shaping', {}, 'scope', /lane:STREAM/],
    ['limits', 'tenant:acme', { limits: { burst: 1 } }, 'scope', /isp:STREAM\/ISP/],
    ['suspension', 'source:onne', {}, 'scope', /no source "onne".*"one"/],
    ['suspension', 'lane:batch/gmail/four', {}, 'scope', /no source "four"/],
    ['suspension', 'lane:batch/gmial/one', {}, 'scope', /no provider "gmial".*"gmail"/],
    ['suspension', 'pool:batsh', {}, 'scope', /no pool "batsh".*"batch"/],
    ['drop', 'campaign:acne/x', {}, 'scope', /no tenant "acne".*"acme"/],
    ['suspension', 'source:one', { until: '2001-01-01T00:00:00Z' }, 'until', /not passed/],
    ['suspension', 'source:one', { until: 'tomorrow' }, 'until', /RFC 3339/],
    ['suspension', 'source:one', { limits: { burst: 1 } }, 'limits', /kind limits/],
    ['limits', 'source:one', {}, 'limits', /required/],
    ['limits', 'source:one', { limits: {} }, 'limits', /no limit/],
    [
      'limits',
      'source:one',
      { limits: { max_message_rat: '1/s' } },
      'limits.max_message_rat',
      /max_message_rate/,
    ],
    ['limits', 'source:one', { limits: { max_message_rate: '100' } }, 'limits.max_message_rate', /"100\/s"/],
    ['move', 'source:one', {}, 'to', /required/],
    ['move', 'source:one', { to: { pool: 'spar' } }, 'to.pool', /"spare"/],
    ['move', 'isp:realtime/gmail', { to: { pool: 'spare' } }, 'to.pool', /another stream/],
    ['move', 'pool:realtime', { to: { source: 'two' } }, 'to.source', /another stream/],
    ['shaping', 'shaping', { yaml: 'isps:\n  gmial: {}' }, 'yaml', /line 2: isps\.gmial: .*"gmail"/],
    ['suspension', 'source:one', { reason: '' }, 'reason', /./],
  ];
  for (const [kind, scope, body, field, message] of wrong) {
    const answer = await put(kind, scope, body);
    const problem = JSON.parse(await answer.text());
    assert.equal(answer.status, 422, `${kind} ${scope}: ${JSON.stringify(problem)}`);
    assert.equal(problem.errors[0].field, field, JSON.stringify(problem));
    assert.match(problem.errors[0].message, message);
  }
  assert.deepEqual(await listed(), []);
});

test('keys that send mail control nothing', async () => {
  assert.equal((await put('suspension', 'source:one', {}, { key: 'other' })).status, 403);
  assert.equal((await rig.call('GET', '/v1/controls', { key: 'other' })).status, 403);
  assert.equal((await rig.call('DELETE', pathOf('suspension', 'source:one'), { key: 'other' })).status, 403);
});

test('a control ends by itself', async () => {
  assert.equal(
    (await put('suspension', 'source:two', { until: new Date(Date.now() + 1_500).toISOString() })).status,
    200,
  );
  assert.equal((await listed()).length, 1);
  await until('its end', async () => (await listed()).length === 0);
});
