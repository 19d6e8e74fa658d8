import assert from 'node:assert/strict';
import { test } from 'node:test';
import { until } from '@millrace/kafka/testing';
import { answer, lane, type ShaperRig, shaperRig } from './shaper-rig.ts';

const shaping = (adaptive: boolean): string =>
  `isps: { gmail: { adaptive: ${adaptive} } }\ndomains: { example.com: { connection_limit: 3 } }`;
const probed = { shaping: { yaml: shaping(true), name: 'test.yaml' } };

const taken = (rig: ShaperRig, count: number) =>
  Array.from({ length: count }, () => answer({ kind: 'delivered', reply_code: 250, time: rig.now() }));
const refused = (rig: ShaperRig) =>
  answer({ kind: 'deferred', reply_code: 421, bounce_category: 'rate_limited', time: rig.now() });
const controlOf = (rig: ShaperRig, ownDomain?: string) =>
  rig.table
    .limitChangesOf({ ...lane, ownDomain }, rig.now())
    .inForce.map(({ control }) => control)
    .find((control) => control.kind === 'adaptive');
const rateOf = (rig: ShaperRig, ownDomain?: string): number | null | undefined =>
  controlOf(rig, ownDomain)?.changes.messagesPerSecond;

test('a lane that is probed gets more while its mail is taken and a trickle once it is refused; a restart goes on from there', async () => {
  await using rig = await shaperRig();
  const first = await rig.start(probed);
  await rig.tell(...taken(rig, 5));
  await rig.tell(answer({ kind: 'delivered', domain: 'example.com', time: rig.now() }));
  await until(() => rateOf(rig) === 1 && rateOf(rig, 'example.com') === 1, 'the first rates');
  rig.shift(6_000);
  await rig.tell(...taken(rig, 20));
  await until(() => (rateOf(rig) ?? 0) > 1.09, 'more');
  await rig.tell(refused(rig));
  await until(() => (rateOf(rig) ?? 1) < 0.2, 'a trickle');
  await rig.tell(...taken(rig, 1));
  await until(() => (rateOf(rig) ?? 0) > 0.4, 'what it took before it was refused');
  const found = rateOf(rig);
  // With it whoever takes over knows what was refused.
  assert.ok((controlOf(rig)?.found?.ceiling ?? 0) > 1);
  await first.stop();
  const second = await rig.start(probed);
  await rig.tell(...taken(rig, 1));
  await until(() => second.stats().events > 0);
  assert.equal(rateOf(rig), found);
  assert.equal(rateOf(rig, 'example.com'), 1, 'a domain’s own lane at that provider too');
  await rig.control(controlOf(rig)?.key ?? '', null);
  await until(() => rateOf(rig) === undefined, 'an operator’s undoing');
  await until(async () => {
    await rig.tell(...taken(rig, 1));
    return rateOf(rig) !== undefined;
  }, 'it is looked for anew');
  assert.equal(controlOf(rig)?.found?.ceiling, null);
  await second.stop();
});

test('lanes that the file does not name are left alone; when it stops naming one, its rate is undone', async () => {
  await using rig = await shaperRig();
  const shaper = await rig.start(probed);
  await rig.tell(answer({ kind: 'delivered', isp: 'yahoo' }), ...taken(rig, 1));
  await until(() => rateOf(rig) === 1, 'the first rate');
  assert.equal(rig.table.size, 1);
  await rig.control('shaping|shaping', {
    ...{ kind: 'shaping', scope: 'shaping', until: null, reason: '', author: 'ada', set_at: rig.now() },
    value: JSON.stringify({ yaml: shaping(false), name: 'applied.yaml' }),
  });
  await until(() => rateOf(rig) === undefined, 'its end');
  await shaper.stop();
});
