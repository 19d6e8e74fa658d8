import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Isp, isps, type LaneLimits, laneLimits, ownDomainOf, streams } from '@millrace/core';
import { ConfigError } from '@millrace/service';
import fc from 'fast-check';
import { parseShaping } from './parse-shaping.ts';
import { durationMs, ratePerSecond } from './quantities.ts';
import { readShapingFile } from './shaping-text.ts';

const lane = (isp: Isp) => ({ stream: 'batch', isp, site: 'mx.a.test', source: 'ip1' }) as const;

/** What the providers take from a warm source: connections, mails per connection, TLS. */
const facts: readonly (readonly [Isp, number, number, LaneLimits['tls']])[] = [
  ['gmail', 5, 50, 'required'],
  ['yahoo', 5, 20, 'opportunistic'],
  ['yahoo-jp', 2, 20, 'opportunistic'],
  ['outlook', 5, 50, 'opportunistic'],
  ['office365', 5, 50, 'opportunistic'],
  ['apple', 10, 5, 'opportunistic'],
  ['comcast', 25, 1_000, 'required'],
  ['gmx', 4, 20, 'required'],
  ['orange', 2, 100, 'required'],
  ['mimecast', 10, 100, 'opportunistic'],
  ['proofpoint', 10, 100, 'opportunistic'],
  ['other', 10, 100, 'opportunistic'],
];

test('the shipped file has every provider, with its published limits', async () => {
  const { shaping } = await readShapingFile();
  assert.deepEqual(facts.map(([isp]) => isp).sort(), [...isps].sort());
  for (const [isp, connections, deliveries, tls] of facts) {
    const limits = laneLimits(shaping, lane(isp));
    assert.deepEqual(
      [isp, limits.connections, limits.deliveriesPerConnection, limits.tls],
      [isp, connections, deliveries, tls],
    );
  }
  assert.equal(laneLimits(shaping, lane('yahoo-jp')).messages?.perSecond, 10);
  assert.equal(laneLimits(shaping, lane('comcast')).idleMs, 30_000);
  const other = laneLimits(shaping, lane('other'));
  assert.equal(other.messages?.perSecond, 100);
  assert.equal(other.newConnections?.perSecond, 100 / 60);
  assert.deepEqual([other.timeouts.dataMs, other.idleMs], [60_000, 60_000]);
});

test('every key reaches the lane, per stream where it is so given', () => {
  const shaping = parseShaping(
    `
default:
  connection_limit: 7
  streams:
    realtime: { connection_limit: 9 }
isps:
  gmail:
    max_connection_rate: 30/min
    max_message_rate: 5000/h
    burst: 3
    max_deliveries_per_connection: 11
    idle_timeout: 90s
    tls: disabled
    mta_sts: false
    pipelining: false
    timeouts: { connect: 1s, greeting: 2s, ehlo: 3s, mail: 4s, rcpt: 5s, data: 6s, body: 7s, dot: 8s }
    retry_schedule: [1m, 5m, 1h]
    failures_before_hold: 12
sites:
  "(alt1|alt2)?.mx.a.test":
    connection_limit: 1
domains:
  bank.test:
    connection_limit: 3
    streams: { realtime: { connection_limit: 4 } }
sources:
  ip2:
    connection_limit: 2
    adaptive: true
`,
    'shaping.yaml',
  );
  const gmail = laneLimits(shaping, lane('gmail'));
  assert.deepEqual(gmail, {
    connections: 7,
    deliveriesPerConnection: 11,
    tls: 'disabled',
    mtaSts: false,
    pipelining: false,
    timeouts: {
      connectMs: 1_000,
      greetingMs: 2_000,
      ehloMs: 3_000,
      mailMs: 4_000,
      rcptMs: 5_000,
      dataMs: 6_000,
      bodyMs: 7_000,
      dotMs: 8_000,
    },
    idleMs: 90_000,
    retryScheduleMs: [60_000, 300_000, 3_600_000],
    failuresBeforeHold: 12,
    adaptive: false,
    messages: { perSecond: 5_000 / 3_600, burst: 3 },
    newConnections: { perSecond: 0.5, burst: 3 },
  });
  assert.equal(laneLimits(shaping, { ...lane('gmail'), stream: 'realtime' }).connections, 9);
  assert.equal(laneLimits(shaping, { ...lane('other'), site: '(alt1|alt2)?.mx.a.test' }).connections, 1);
  const own = { ...lane('gmail'), ownDomain: ownDomainOf(shaping, 'bank.test') };
  assert.equal(laneLimits(shaping, own).connections, 3);
  assert.equal(laneLimits(shaping, own).deliveriesPerConnection, 11, 'what its provider has');
  assert.equal(laneLimits(shaping, { ...own, stream: 'realtime' }).connections, 4);
  assert.equal(laneLimits(shaping, { ...own, source: 'ip2' }).connections, 2, 'the source has the last word');
  assert.equal(ownDomainOf(shaping, 'sub.bank.test'), undefined);
  assert.equal(laneLimits(shaping, { ...lane('other'), source: 'ip2' }).connections, 2);
  assert.equal(laneLimits(shaping, { ...lane('other'), source: 'ip2' }).adaptive, true);
});

const problemsOf = (text: string): readonly string[] => {
  try {
    parseShaping(text, 'shaping.yaml');
  } catch (error) {
    assert.ok(error instanceof ConfigError);
    return error.message.split('\n');
  }
  return assert.fail('nothing was refused');
};

test('a wrong file is refused with line, key and the nearest right word, everything at once', () => {
  const problems = problemsOf(
    [
      'default:',
      '  conection_limit: 5',
      'isps:',
      '  gmial:',
      '    tls: required',
      '  gmail:',
      '    tls: requird',
    ].join('\n'),
  );
  assert.equal(problems.length, 3);
  assert.match(problems[0] ?? '', /^shaping\.yaml:2: default\.conection_limit: .*"connection_limit"/);
  assert.match(problems[1] ?? '', /^shaping\.yaml:4: isps\.gmial: .*"gmail"/);
  assert.match(problems[2] ?? '', /^shaping\.yaml:7: isps\.gmail\.tls: .*"required"/);
});

for (const [what, entry] of [
  ['a rate without a unit', 'max_message_rate: 100'],
  ['a rate of nothing', 'max_message_rate: 0/s'],
  ['a connection rate of nothing', 'max_connection_rate: 0.0/min'],
  ['a duration without a unit', 'idle_timeout: 60'],
  ['no connections', 'connection_limit: 0'],
  ['a negative burst', 'burst: -1'],
  ['an empty schedule', 'retry_schedule: []'],
  ['an unknown phase', 'timeouts: { ehol: 5s }'],
] as const) {
  test(`${what} is refused`, () => {
    const [problem] = problemsOf(`default:\n  ${entry}\n`);
    assert.match(problem ?? '', /^shaping\.yaml:2: default\./);
  });
}

test('a file that is not there is a configuration error that names it', async () => {
  await assert.rejects(readShapingFile('/nowhere/shaping.yaml'), (error) => {
    assert.ok(error instanceof ConfigError);
    assert.equal(error.code, 'ERR_CONFIG');
    assert.match(error.message, /\/nowhere\/shaping\.yaml/);
    return true;
  });
});

test('an empty file is no limits of its own: the built-in ones hold for both streams', () => {
  const shaping = parseShaping('', 'shaping.yaml');
  for (const stream of streams) assert.ok(laneLimits(shaping, { ...lane('gmail'), stream }).connections > 0);
});

test('rates and durations mean what they say in every unit', () => {
  assert.equal(ratePerSecond('unlimited'), null);
  const perDay = { s: 86_400, min: 1_440, h: 24, d: 1 };
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 1_000_000 }),
      fc.constantFrom('s' as const, 'min' as const, 'h' as const, 'd' as const),
      (amount, unit) => {
        const rate = ratePerSecond(`${amount}/${unit}`) ?? assert.fail();
        assert.ok(Math.abs(rate * 86_400 - amount * perDay[unit]) <= 1e-9 * amount * perDay[unit]);
      },
    ),
  );
  assert.deepEqual(
    ['500ms', '1.5s', '2m', '2min', '1h', '1d'].map(durationMs),
    [500, 1_500, 120_000, 120_000, 3_600_000, 86_400_000],
  );
});
