import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ControlTable } from '../control/control-table.ts';
import { controlRecord } from '../control/parse-control.ts';
import { nextLevel, type SpikeFacts, type SpikeSettings, Spikes, spikeLevel } from './spikes.ts';

const hour = 3_600_000;
const thresholds = {
  warnShare: 0.001,
  pauseShare: 0.003,
  leastMails: 500,
  leastCount: 5,
  windowMs: 24 * hour,
};
const settings: SpikeSettings = {
  suspend: ['campaign', 'pool'],
  measures: {
    complaints: thresholds,
    bounces: { warnShare: 0.05, pauseShare: 0.1, leastMails: 200, leastCount: 20, windowMs: hour },
    blocks: { warnShare: 0.05, pauseShare: 0.2, leastMails: 200, leastCount: 20, windowMs: hour },
  },
};
let serial = 0;
const start = Date.parse('2026-11-25T00:00:00Z');
const facts = (over: Partial<SpikeFacts> = {}): SpikeFacts => {
  serial += 1;
  return {
    ...{ eventId: String(serial), kind: 'delivered', stream: 'batch', tenant: 'acme', campaign: 'spring' },
    ...{ pool: 'batch', source: 'ip1', isp: 'gmail', category: null, at: start },
    ...over,
  };
};
const told = (spikes: Spikes, count: number, over: Partial<SpikeFacts> = {}, now = over.at ?? start) =>
  Array.from({ length: count }, () => spikes.see(facts(over), now)).flat();

test('a rate means nothing under its minimum counts, and never sinks a level by growing', () => {
  const share = fc.double({ min: 0.0001, max: 0.5, noNaN: true });
  fc.assert(
    fc.property(
      fc.nat(5_000),
      fc.nat(5_000),
      share,
      share,
      fc.nat(1_000),
      fc.nat(50),
      (count, mails, a, b, leastMails, leastCount) => {
        const own = {
          ...thresholds,
          warnShare: Math.min(a, b),
          pauseShare: Math.max(a, b),
          leastMails,
          leastCount,
        };
        const level = spikeLevel(own, count, mails);
        if (mails < leastMails || count < leastCount) assert.equal(level, 'calm');
        const order = ['calm', 'warn', 'pause'];
        assert.ok(order.indexOf(spikeLevel(own, count + 1, mails)) >= order.indexOf(level));
        for (const before of ['calm', 'warn', 'pause'] as const)
          assert.ok(order.indexOf(nextLevel(before, own, count, mails)) >= order.indexOf(level));
      },
    ),
  );
  assert.equal(spikeLevel(thresholds, 5, 5_000), 'warn', '0.1 % is a warning');
  assert.equal(spikeLevel(thresholds, 30, 10_000), 'pause', '0.3 % is a pause');
  assert.equal(spikeLevel(thresholds, 4, 500), 'calm', 'four complaints are chance');
});

test('complaints warn, then suspend the batch mail of their campaign and pool; of others people are told', () => {
  const spikes = new Spikes(settings);
  assert.deepEqual(told(spikes, 2_000), []);
  const found = told(spikes, 6, { kind: 'complained' });
  const level = (kind: string) => found.filter(({ scope }) => scope.kind === kind).map((one) => one.level);
  for (const kind of ['campaign', 'tenant', 'pool', 'source', 'isp'])
    assert.deepEqual(level(kind), ['warn', 'pause']);
  const controls = found.flatMap(({ control }) => control ?? []);
  assert.deepEqual(
    controls.map(({ key }) => key),
    ['suspension|campaign:acme/spring', 'suspension|pool:batch'],
  );
  assert.equal(controls[0]?.reason, '6 complaints of 2000 mails in 24 h: 0.3 %');
  assert.deepEqual(told(spikes, 50, { kind: 'complained' }), [], 'once is enough');
});

test('a suspension of a spike holds up batch and never realtime, as a record and back', () => {
  const spikes = new Spikes(settings);
  told(spikes, 500);
  const control = told(spikes, 5, { kind: 'complained' }).find(
    ({ scope }) => scope.kind === 'campaign',
  )?.control;
  assert.ok(control);
  const table = new ControlTable();
  assert.equal(table.apply(control.key, controlRecord(control)).kind, 'set');
  const message = { isp: 'gmail', site: 'gmail', tenant: 'acme', campaign: 'spring' } as const;
  assert.equal(
    table.blocking({ ...message, stream: 'batch' }, start)?.control.author,
    'automation:spike-complaints',
  );
  assert.equal(table.blocking({ ...message, stream: 'realtime' }, start), undefined);
});

test('realtime is not counted, what is told twice counts once, what is older than the window not at all', () => {
  const spikes = new Spikes(settings);
  told(spikes, 1_000);
  assert.deepEqual(told(spikes, 500, { kind: 'complained', stream: 'realtime' }), []);
  assert.deepEqual(told(spikes, 500, { kind: 'complained', eventId: 'same' }), []);
  assert.deepEqual(told(spikes, 500, { kind: 'complained', at: start - 25 * hour }, start), []);
  assert.ok(told(spikes, 5, { kind: 'complained' }).length > 0);
});

test('what was long ago is forgotten step by step', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 48 }), (hours) => {
      const spikes = new Spikes(settings);
      told(spikes, 10_000);
      told(spikes, 9, { kind: 'complained' });
      const later = start + hours * hour;
      const found = told(spikes, 600, { at: later }).concat(
        told(spikes, 1, { kind: 'complained', at: later }),
      );
      // Ten of 10,600 are no warning; of 600 alone one is no spike.
      assert.deepEqual(
        found.filter(({ level }) => level === 'pause'),
        [],
      );
      const more = told(spikes, 4, { kind: 'complained', at: later });
      assert.equal(
        more.some(({ level }) => level === 'pause'),
        hours >= 24,
      );
    }),
    { numRuns: 30 },
  );
});

test('bounces and blocks are told apart; an operator who undoes a suspension has it counted from the beginning', () => {
  const spikes = new Spikes(settings);
  told(spikes, 200);
  const bounced = told(spikes, 40, { kind: 'bounced', category: 'invalid_recipient' });
  assert.deepEqual([...new Set(bounced.map(({ measure }) => measure))], ['bounces']);
  const blocked = told(spikes, 80, { kind: 'deferred', category: 'reputation' });
  assert.deepEqual([...new Set(blocked.map(({ measure }) => measure))], ['blocks']);
  const campaign = { kind: 'campaign', tenant: 'acme', name: 'spring' } as const;
  spikes.undone(campaign);
  const again = told(spikes, 40, { kind: 'bounced', category: 'invalid_recipient' });
  assert.deepEqual(
    again.filter(({ scope }) => scope.kind === 'campaign'),
    [],
    'forty mails say nothing',
  );
  spikes.recall({ scope: campaign, author: 'automation:spike-bounces' });
  const known = told(spikes, 300, { kind: 'bounced', category: 'invalid_recipient' });
  assert.deepEqual(
    known.filter(({ scope }) => scope.kind === 'campaign'),
    [],
    'it is suspended already',
  );
});
