import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ControlTable } from '../control/control-table.ts';
import { controlRecord } from '../control/parse-control.ts';
import { builtInLimits, laneLimits, type Shaping } from '../shaping.ts';
import { Automation } from './automation.ts';
import { type AutomationRule, ruleFor, type SeenReply } from './automation-rule.ts';
import { type Firing, ruleScope } from './firing.ts';

const minute = 60_000;
const hour = 60 * minute;

const rule = (overrides: Partial<AutomationRule> = {}): AutomationRule => ({
  name: 'too-fast',
  trigger: 'answer',
  isps: null,
  streams: null,
  pattern: /too fast/i,
  after: 3,
  withinMs: hour,
  scope: 'lane',
  limit: null,
  suspend: true,
  moveTo: null,
  alert: null,
  forMs: hour,
  recovery: { fromPerSecond: 1 / 6, stepEveryMs: 10 * minute, factor: 2, steps: 6 },
  ...overrides,
});

const reply = (at: number, overrides: Partial<SeenReply> = {}): SeenReply => ({
  trigger: 'answer',
  eventId: `event-${at}`,
  at,
  stream: 'batch',
  isp: 'gmail',
  site: 'mx',
  source: 'ip1',
  tenant: 'acme',
  senderDomain: 'acme.example',
  code: 421,
  enhanced: '4.7.0',
  text: 'too fast',
  ...overrides,
});

const lane = { stream: 'batch', isp: 'gmail', site: 'mx', source: 'ip1' } as const;
const file: Shaping = {
  default: { limits: { messagesPerSecond: 10 }, streams: {} },
  isps: new Map(),
  sites: new Map(),
  domains: new Map(),
  messageLimits: [],
  sources: new Map(),
};

/** What workers make of a firing. */
const follow = (firing: Firing | undefined): ControlTable => {
  const table = new ControlTable();
  for (const control of firing?.controls ?? [])
    assert.equal(table.apply(control.key, controlRecord(control)).kind, 'set', control.key);
  return table;
};

test('a rule fires exactly when so many different replies fell within its time', () => {
  fc.assert(
    fc.property(
      fc.array(fc.record({ waitMs: fc.nat(40 * minute), twice: fc.boolean() }), { maxLength: 40 }),
      fc.integer({ min: 1, max: 5 }),
      (steps, after) => {
        const automation = new Automation([rule({ after, recovery: null })]);
        let now = 1_000_000_000;
        let counted: number[] = [];
        let quietUntil = 0;
        for (const { waitMs, twice } of steps) {
          now += waitMs + 1;
          const firing = automation.see(reply(now));
          if (twice) assert.equal(automation.see(reply(now)), undefined, 'told twice');
          if (now < quietUntil) {
            assert.equal(firing, undefined, 'it is in force already');
            continue;
          }
          counted = [...counted.filter((at) => at > now - hour), now];
          assert.equal(firing !== undefined, counted.length >= after);
          if (firing === undefined) continue;
          assert.equal(firing.count, after);
          counted = [];
          quietUntil = now + hour;
        }
      },
    ),
  );
});

test('lanes, and whatever else a rule acts on, are counted apart', () => {
  const automation = new Automation([rule({ after: 2 })]);
  for (const source of ['ip1', 'ip2']) assert.equal(automation.see(reply(1, { source })), undefined);
  assert.equal(automation.see(reply(2, { stream: 'realtime' })), undefined);
  const firing = automation.see(reply(3));
  assert.deepEqual(firing?.scope, { kind: 'lane', stream: 'batch', site: 'gmail', source: 'ip1' });
  const ofTenants = new Automation([rule({ after: 2, scope: 'tenant' })]);
  ofTenants.see(reply(1));
  assert.equal(ofTenants.see(reply(2, { tenant: 'other' })), undefined);
  assert.deepEqual(ofTenants.see(reply(3, { source: 'ip2' }))?.scope, { kind: 'tenant', name: 'acme' });
});

test('the first rule that matches decides, of its providers and streams only', () => {
  const special = rule({ name: 'special', isps: ['yahoo'], streams: ['batch'], pattern: /\[TS02\]/ });
  const general = rule({ name: 'general', pattern: /^421 / });
  const of = (overrides: Partial<SeenReply>) =>
    ruleFor([special, general], reply(1, { text: '[TS02] wait', ...overrides }))?.name;
  assert.equal(of({ isp: 'yahoo' }), 'special');
  assert.equal(of({ isp: 'gmail' }), 'general');
  assert.equal(of({ isp: 'yahoo', stream: 'realtime' }), 'general');
  assert.equal(of({ code: 550 }), undefined);
});

test('complaints are for the rules about complaints, and answers for the others', () => {
  const complaints = rule({ name: 'complaints', trigger: 'complaint', pattern: /(?:)/, after: 2 });
  const automation = new Automation([complaints, rule({ after: 1 })]);
  const complaint = (at: number) =>
    reply(at, { trigger: 'complaint', code: null, enhanced: null, text: 'abuse, Yahoo!-Mail-Feedback/2.0' });
  assert.equal(automation.see(complaint(1)), undefined);
  assert.equal(automation.see(reply(2))?.rule.name, 'too-fast');
  const firing = automation.see(complaint(3));
  assert.equal(firing?.rule.name, 'complaints');
  assert.equal(firing.controls[0]?.reason, 'complaint: abuse, Yahoo!-Mail-Feedback/2.0');
});

test('an answer to mail of a domain with lanes of its own is about its lane', () => {
  const automation = new Automation([rule({ after: 1 })]);
  const firing = automation.see(reply(1, { ownDomain: 'example.com' }));
  const own = { ...lane, ownDomain: 'example.com' };
  const table = follow(firing);
  assert.equal(table.blocking(own, 2)?.until, 1 + hour);
  assert.equal(table.blocking(lane, 2), undefined);
  assert.deepEqual(ruleScope(rule({ scope: 'isp' }), reply(1, { ownDomain: 'example.com' })), {
    ...{ kind: 'isp', stream: 'batch', site: 'gmail' },
  });
});

test('after a suspension the limit comes back in steps, from low to what the file says', () => {
  const automation = new Automation([rule({ after: 1 })]);
  const table = follow(automation.see(reply(1_000)));
  const end = 1_000 + hour;
  assert.equal(table.blocking(lane, end - 1)?.until, end);
  assert.equal(table.blocking(lane, end), undefined);
  const rateAt = (now: number): number | undefined =>
    laneLimits(file, lane, table.limitChangesOf(lane, now).inForce).messages?.perSecond;
  assert.equal(rateAt(end), 1 / 6);
  const rates = Array.from({ length: 8 }, (_, step) => rateAt(end + step * 10 * minute) ?? 0);
  assert.deepEqual(
    rates.slice(0, 6),
    [1, 2, 4, 8, 16, 32].map((factor) => factor / 6),
  );
  assert.equal(rates[7], 10);
});

test('one more such answer while the limit recovers, and it starts over; when it has recovered, it takes them all again', () => {
  const automation = new Automation([rule()]);
  const fire = [1, 2, 3].map((at) => automation.see(reply(at)));
  assert.deepEqual(
    fire.map((firing) => firing !== undefined),
    [false, false, true],
  );
  const resumed = 3 + hour;
  const again = automation.see(reply(resumed + 20 * minute));
  assert.ok(again?.again);
  assert.equal(again.until, resumed + 20 * minute + hour);
  const recovered = again.until + hour + 1;
  assert.equal(automation.see(reply(recovered)), undefined);
});

test('a limit rule caps at once and recovers after its time', () => {
  const limit = { messagesPerSecond: 1 / 60, connections: 1 };
  const automation = new Automation([rule({ after: 1, suspend: false, limit })]);
  const table = follow(automation.see(reply(0)));
  const at = (now: number) => laneLimits(file, lane, table.limitChangesOf(lane, now).inForce);
  assert.deepEqual(at(1).messages, { perSecond: 1 / 60, burst: 1 });
  assert.equal(at(1).connections, 1);
  assert.equal(at(hour - 1).messages?.perSecond, 1 / 60);
  assert.equal(at(hour).messages?.perSecond, 2 / 60);
  assert.equal(at(3 * hour).messages?.perSecond, 10);
  assert.equal(at(3 * hour).connections, builtInLimits.connections);
});

test('broken authentication holds the batch of the domain that the mail was from, until it is undone', () => {
  const automation = new Automation([
    rule({ name: 'authentication', after: 1, scope: 'sender', forMs: null, alert: 'authentication broken' }),
  ]);
  const firing = automation.see(reply(1, { stream: 'realtime' }));
  const table = follow(firing);
  const facts = { ...lane, senderDomain: 'acme.example' };
  assert.equal(table.blocking(facts, 10 * hour)?.until, null);
  assert.equal(table.blocking({ ...facts, senderDomain: 'b.example' }, 1), undefined);
  assert.equal(table.blocking({ ...facts, stream: 'realtime' }, 1), undefined);
  assert.match(firing?.controls[0]?.reason ?? '', /^authentication broken: 421 4\.7\.0 too fast$/);
  assert.equal(automation.see(reply(100 * hour)), undefined, 'it is in force still');
  automation.undone('authentication', 'sender:batch/acme.example');
  assert.ok(automation.see(reply(100 * hour + 1)));
});

test('a rule moves to another source for its time', () => {
  const automation = new Automation([
    rule({ after: 1, suspend: false, moveTo: { kind: 'pool', name: 'spare' } }),
  ]);
  const table = follow(automation.see(reply(1)));
  assert.deepEqual(table.moveOf(lane, 2)?.to, { kind: 'pool', name: 'spare' });
  assert.equal(table.moveOf(lane, 2 + hour), undefined);
});

test('a reply without what the rule acts on fires nothing', () => {
  const automation = new Automation([rule({ after: 1, scope: 'sender' })]);
  assert.equal(automation.see(reply(1, { senderDomain: null })), undefined);
});

test('whoever takes over knows what was counted and what has fired, and fires what was left undone', () => {
  const replies = [1, 2, 3].map((at) => reply(at));
  const before = new Automation([rule()]);
  const firing = replies.map((one) => before.see(one)).at(-1);
  assert.ok(firing);
  const after = new Automation([rule()]);
  for (const control of firing.controls) after.recall(control);
  for (const one of replies) after.note(one);
  for (const one of replies) assert.equal(after.see(one), undefined, 'it has fired');
  assert.ok(after.see(reply(3 + hour))?.again, 'and it knows that the limit recovers');

  const unfinished = new Automation([rule()]);
  for (const one of replies) unfinished.note(one);
  const last = replies.at(-1);
  assert.ok(last && unfinished.see(last), 'the third was read, but its firing was never written');
});
