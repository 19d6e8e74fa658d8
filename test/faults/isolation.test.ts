/** A batch that its ISPs hold up, with thousands waiting, is nothing that a realtime message notices. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { HttpLoad, submitBatch, submitPaced } from '../bench/load/http-load.ts';
import { latenciesOf } from '../bench/measurement.ts';
import { latencyOf } from '../bench/percentiles.ts';
import { type OwnPipeline, startOwnPipeline, tailMails } from '../rig/own-pipeline.ts';

const backlog = 5_000;
const realtime = 200;
const domains = 5;

let own: OwnPipeline;
before(async () => {
  own = await startOwnPipeline();
});
after(() => own.stop());

test('realtime messages arrive at once beside a backlog for the same ISPs', async () => {
  const { endpoints } = own.pipeline;
  // For each source address; realtime and batch have their own.
  await own.sink.behave('tail', { messages_per_second: 10, messages_burst: 10 });
  await submitBatch(endpoints, tailMails('backlog', 'batch', backlog, domains));
  await own.sink.until(50);

  const load = new HttpLoad(endpoints, 8);
  const mails = [...tailMails('realtime', 'realtime', realtime, domains)];
  const submitted = await submitPaced(
    load,
    20,
    (number) => mails[number] ?? assert.fail(`no mail ${number}`),
    (number) => number < mails.length,
  );
  load.close();
  let arrived = await own.sink.arrived();
  const all = (): boolean => [...submitted.keys()].every((to) => arrived.at.has(to));
  for (const deadline = performance.now() + 90_000; !all() && performance.now() < deadline; ) {
    await own.sink.until((await own.sink.accepted()) + 1, { quietMs: 500 });
    arrived = await own.sink.arrived();
  }
  assert.ok(all(), `${latenciesOf(submitted, arrived).length} of ${realtime} arrived`);
  const latency = latencyOf(latenciesOf(submitted, arrived));
  // On a machine that is busy with other tests; alone it is some milliseconds.
  assert.ok(latency.p50 < 2_000 && latency.p95 < 10_000, JSON.stringify(latency));
  const through = [...arrived.at.keys()].filter((to) => to.startsWith('backlog')).length;
  assert.ok(through < backlog / 2, `the backlog was to be there still, and ${through} of it had gone`);
});
