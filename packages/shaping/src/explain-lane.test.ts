import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type LimitsControl, limitsInForce } from '@millrace/core';
import fc from 'fast-check';
import { explainLane } from './explain-lane.ts';
import { messageLimitsOfLane, messageLimitsOfMessage } from './explain-message-limits.ts';
import { limitChangesOf, limitsEntryOf } from './limit-changes.ts';
import { durationText, rateText } from './limit-words.ts';
import { durationMs, ratePerSecond } from './quantities.ts';
import { readShapingFile, shapingOfText } from './shaping-text.ts';

const text = `default:
  connection_limit: 7
  timeouts: { data: 5s }
  streams:
    batch:
      connection_limit: 9
isps:
  gmail:
    max_message_rate: 90/min
    retry_schedule: [1m, 1h]
    timeouts:
      dot: 90s
sources:
  ip1:
    tls: required
limits:
  - { by: tenant, match: acme, max_message_rate: 100/min }
  - by: tag
    match: '*'
    isp: yahoo
    max_message_rate: 5/s
domains:
  bank.test:
    streams:
      batch:
        idle_timeout: 9s
`;
const lane = { stream: 'batch', isp: 'gmail', site: 'mx', source: 'ip1' } as const;

test('every limit has its value, the layer that it came from and its line', () => {
  const found = new Map(
    explainLane(shapingOfText(text, 'a.yaml'), lane).map(({ key, ...limit }) => [key, limit]),
  );
  const expected = {
    connection_limit: ['9', 'default.streams.batch', 6],
    max_message_rate: ['90/min', 'isps.gmail', 9],
    retry_schedule: ['1m, 1h', 'isps.gmail', 10],
    'timeouts.data': ['5s', 'default', 3],
    'timeouts.dot': ['90s', 'isps.gmail', 12],
    tls: ['required', 'sources.ip1', 15],
    pipelining: ['true', null, null],
    max_connection_rate: ['unlimited', null, null],
  } as const;
  for (const [key, [value, origin, line]] of Object.entries(expected))
    assert.deepEqual(found.get(key), { value, origin, line, control: null }, key);
  const realtime = explainLane(shapingOfText(text, 'a.yaml'), { ...lane, stream: 'realtime' });
  assert.equal(realtime.find(({ key }) => key === 'connection_limit')?.value, '7');
});

test('in the shipped file every line that is named says what it is named for', async () => {
  const shipped = await readShapingFile();
  const lines = shipped.text.split('\n');
  const explained = explainLane(shipped, { ...lane, isp: 'comcast' });
  assert.ok(explained.filter(({ line }) => line !== null).length > 12);
  for (const { key, value, line } of explained) {
    if (line === null) continue;
    const said = lines[line - 1] ?? '';
    const [, name, there = ''] = /([a-z_]+): *(\S+)/.exec(said) ?? [];
    assert.equal(name, key.split('.').at(-1), said);
    assert.equal(/^\d+s$/.test(there) ? durationText(durationMs(there)) : there, value, said);
  }
});

test('what is shown means the same when it is read again', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 604_800_000 }), (ms) => {
      assert.equal(durationMs(durationText(ms)), ms);
    }),
  );
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 1_000_000 }),
      fc.constantFrom('s', 'min', 'h', 'd'),
      (amount, unit) => {
        const perSecond = ratePerSecond(`${amount}/${unit}`) ?? assert.fail();
        const again = ratePerSecond(rateText(perSecond)) ?? assert.fail();
        assert.ok(Math.abs(again - perSecond) <= 1e-5 * perSecond, rateText(perSecond));
      },
    ),
  );
  assert.deepEqual([1 / 60, 10 / 60, 100, 1.5, 5_000 / 3_600].map(rateText), [
    '1/min',
    '10/min',
    '100/s',
    '90/min',
    '5000/h',
  ]);
});

test('a control has the last word, and is named where it changed something', () => {
  const head = { until: null, reason: 'asked', author: 'ada', setAt: 0 };
  const control: LimitsControl = {
    ...{ ...head, kind: 'limits', key: 'limits|isp:batch/gmail' },
    scope: { kind: 'isp', stream: 'batch', site: 'gmail' },
    changes: { connections: 2, messagesPerSecond: 1.5 },
  };
  const explained = explainLane(shapingOfText(text, 'a.yaml'), lane, [limitsInForce(control, 1)]);
  const found = new Map(explained.map(({ key, ...limit }) => [key, limit]));
  assert.deepEqual(found.get('connection_limit'), {
    ...{ value: '2', origin: 'limits|isp:batch/gmail', line: null },
    control: { author: 'ada', reason: 'asked', until: null },
  });
  assert.equal(found.get('max_message_rate')?.origin, 'isps.gmail', 'the same rate as the file has');
  assert.equal(found.get('tls')?.origin, 'sources.ip1');
});

test('changes of limits in words are the same changes again', () => {
  const whole = `default:\n  connection_limit: 2\n  max_connection_rate: unlimited\n  max_message_rate: 5000/h
  burst: 3\n  max_deliveries_per_connection: 4\n  idle_timeout: 90s\n  tls: disabled\n  mta_sts: false
  pipelining: false
  timeouts: { connect: 1s, dot: 2m }\n  retry_schedule: [1m, 5m]\n  failures_before_hold: 12\n`;
  const { limits } = shapingOfText(whole, 'a.yaml').shaping.default;
  assert.equal(Object.keys(limits).length, 12);
  assert.deepEqual(limitChangesOf(limitsEntryOf(limits)), limits);
});

test('a domain that the file names is explained by its own lines, and by those of its provider below', () => {
  const own = { ...lane, ownDomain: 'bank.test' };
  const found = new Map(
    explainLane(shapingOfText(text, 'a.yaml'), own).map(({ key, ...limit }) => [key, limit]),
  );
  assert.deepEqual(
    ['idle_timeout', 'max_message_rate'].map((key) => [
      found.get(key)?.value,
      found.get(key)?.origin,
      found.get(key)?.line,
    ]),
    [
      ['9s', 'domains.bank.test.streams.batch', 26],
      ['90/min', 'isps.gmail', 9],
    ],
  );
});

test('rates of tenants, campaigns and tags are named with their lines, for a lane and for a message', () => {
  const source = shapingOfText(text, 'a.yaml');
  const acme = { of: 'tenant acme', value: '100/min', line: 17 };
  assert.deepEqual(messageLimitsOfLane(source, lane), [acme]);
  const yahoo = { ...lane, isp: 'yahoo' } as const;
  assert.deepEqual(messageLimitsOfLane(source, yahoo), [
    acme,
    { of: 'every tag, to yahoo', value: '5/s', line: 18 },
  ]);
  const found = messageLimitsOfMessage(source, { ...yahoo, tenant: 'acme', campaign: null, tags: ['x'] });
  assert.deepEqual(
    found.map(({ bucket, value }) => [bucket, value]),
    [
      ['limit/tenant/acme/*/*', '100/min'],
      ['limit/tag/x/yahoo/*', '5/s'],
    ],
  );
});

test('a rate that lifts nothing, and a name that no limit has, are refused with their line', () => {
  const limits = (entry: string) => () => shapingOfText(`limits:\n  - { ${entry} }\n`, 'a.yaml');
  assert.throws(limits('by: tenant, match: acme, max_message_rate: unlimited'), /a\.yaml:2.*rate/);
  assert.throws(limits('by: tennant, match: acme, max_message_rate: 1/s'), /a\.yaml:2/);
});
