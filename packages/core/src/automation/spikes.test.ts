import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { formatScope } from '../control/control-scope.ts';
import { ControlTable } from '../control/control-table.ts';
import { controlRecord } from '../control/parse-control.ts';
import {
  nextLevel,
  type SpikeFacts,
  type SpikeLevel,
  type SpikeMeasure,
  type SpikeSettings,
  Spikes,
  spikeAuthor,
  spikeLevel,
  spikeMeasures,
} from './spikes.ts';

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

const minute = 60_000;
const soon = { warnShare: 0.2, pauseShare: 0.4, leastMails: 3, leastCount: 2, windowMs: 12 * minute };
const quick: SpikeSettings = {
  suspend: ['campaign', 'pool'],
  measures: { complaints: { ...soon, windowMs: 36 * minute }, bounces: soon, blocks: soon },
};

interface PlainRate {
  readonly counted: { readonly step: number; readonly mail: boolean; readonly bad: boolean }[];
  step: number;
  level: SpikeLevel;
}

/** The same without running totals: every rate is summed up anew, from all that was ever counted. */
class PlainSpikes {
  readonly #rates = new Map<string, PlainRate>();
  readonly #told = new Set<string>();

  take(facts: SpikeFacts, now: number, judges: boolean): string[] {
    const { kind, stream, tenant, campaign, pool, source, isp, eventId } = facts;
    const blocked = facts.category === 'reputation';
    const isMailOf = { complaints: ['delivered'], bounces: ['delivered', 'bounced'] };
    const all = { ...isMailOf, blocks: ['delivered', 'bounced', 'deferred'] };
    const bad: readonly SpikeMeasure[] = [
      ...(kind === 'complained' ? (['complaints'] as const) : []),
      ...(kind === 'bounced' && !blocked ? (['bounces'] as const) : []),
      ...((kind === 'bounced' || kind === 'deferred') && blocked ? (['blocks'] as const) : []),
    ];
    if (stream !== 'batch' || (bad.length > 0 && this.#told.has(eventId))) return [];
    if (bad.length > 0) this.#told.add(eventId);
    const tenants = tenant === '' ? [] : [`tenant:${tenant}`];
    const campaigns = tenant === '' || campaign === null ? [] : [`campaign:${tenant}/${campaign}`];
    const others = [pool && `pool:${pool}`, source && `source:${source}`, isp && `isp:batch/${isp}`];
    return [...tenants, ...campaigns, ...others].flatMap((scope) =>
      spikeMeasures
        .map((measure) => ({ measure, mail: all[measure].includes(kind), bad: bad.includes(measure) }))
        .filter((one) => scope !== null && (one.mail || one.bad))
        .flatMap(({ measure, ...one }) => {
          const rate = this.#rate(scope ?? '', measure);
          const stepMs = quick.measures[measure].windowMs / 12;
          rate.step = Math.max(rate.step, Math.floor(now / stepMs));
          rate.counted.push({ step: Math.min(rate.step, Math.floor(facts.at / stepMs)), ...one });
          return judges ? this.#judge(scope ?? '', measure, now) : [];
        }),
    );
  }

  settle(now: number): void {
    for (const key of this.#rates.keys()) {
      const [measure, scope = ''] = key.split(' ');
      this.#judge(scope, spikeMeasures.find((one) => one === measure) ?? 'blocks', now);
    }
  }

  undone(scope: string): void {
    for (const measure of spikeMeasures) this.#rates.delete(`${measure} ${scope}`);
  }

  recall(scope: string, measure: SpikeMeasure): void {
    this.#rate(scope, measure).level = 'pause';
  }

  #rate(scope: string, measure: SpikeMeasure): PlainRate {
    const rate = this.#rates.get(`${measure} ${scope}`) ?? { counted: [], step: 0, level: 'calm' };
    this.#rates.set(`${measure} ${scope}`, rate);
    return rate;
  }

  #judge(scope: string, measure: SpikeMeasure, now: number): string[] {
    const rate = this.#rate(scope, measure);
    const own = quick.measures[measure];
    rate.step = Math.max(rate.step, Math.floor((now * 12) / own.windowMs));
    const inside = rate.counted.filter(({ step }) => step > rate.step - 12);
    const [count, mails] = [inside.filter(({ bad }) => bad).length, inside.filter(({ mail }) => mail).length];
    const [before, order] = [rate.level, ['calm', 'warn', 'pause']];
    const mayBeSuspended = /^(campaign|pool):/.test(scope);
    if (before === 'pause' && mayBeSuspended) return [];
    rate.level = nextLevel(before, own, count, mails);
    if (order.indexOf(rate.level) <= order.indexOf(before)) return [];
    const suspends = rate.level === 'pause' && mayBeSuspended;
    return [`${scope} ${measure} ${rate.level} ${count}/${mails} ${suspends}`];
  }
}

test('what comes of events is what sums over all of them say, however time goes and whatever is undone', () => {
  const campaign = { kind: 'campaign', tenant: 'acme', name: 'spring' } as const;
  const measures = fc.constantFrom(...spikeMeasures);
  const event = fc.record({
    does: fc.constantFrom('see', 'see', 'see', 'note'),
    kind: fc.constantFrom('delivered', 'delivered', 'bounced', 'deferred', 'complained', 'routed'),
    category: fc.constantFrom(null, 'reputation', 'invalid_recipient'),
    stream: fc.constantFrom('batch', 'batch', 'batch', 'realtime', null),
    tenant: fc.constantFrom('acme', 'acme', 'other', ''),
    campaign: fc.constantFrom('spring', 'spring', null),
    pool: fc.constantFrom('batch', null),
    source: fc.constantFrom('ip1', 'ip2', null),
    isp: fc.constantFrom('gmail', 'yahoo', null),
    eventId: fc.nat(200).map(String),
    // Of a clock that is ahead, of now, and of before the window.
    ageMs: fc.constantFrom(-2 * minute, 0, 0, 0, minute, 5 * minute, 11 * minute, 40 * minute),
  });
  const other = fc.record({ does: fc.constantFrom('settle', 'undone', 'recall'), measure: measures });
  const step = fc.record({
    what: fc.oneof({ weight: 20, arbitrary: event }, { weight: 1, arbitrary: other }),
    passesMs: fc.constantFrom(0, 0, 0, 1_000, minute, 4 * minute, 13 * minute, -minute),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200, size: 'max' }), (all) => {
      const [spikes, plain] = [new Spikes(quick), new PlainSpikes()];
      let now = start;
      for (const { what, passesMs } of all) {
        now += passesMs;
        if ('eventId' in what) {
          const own = { ...what, at: now - what.ageMs };
          const found = what.does === 'see' ? spikes.see(own, now) : spikes.note(own, now);
          const lines = (found ?? []).map(
            ({ scope, measure, level, count, mails, control }) =>
              `${formatScope(scope)} ${measure} ${level} ${count}/${mails} ${control !== null}`,
          );
          assert.deepEqual(lines, plain.take(own, now, what.does === 'see'));
        } else if (what.does === 'settle') {
          spikes.settle(now);
          plain.settle(now);
        } else if (what.does === 'undone') {
          spikes.undone(campaign);
          plain.undone(formatScope(campaign));
        } else {
          spikes.recall({ scope: campaign, author: spikeAuthor(what.measure) });
          plain.recall(formatScope(campaign), what.measure);
        }
      }
    }),
  );
});
