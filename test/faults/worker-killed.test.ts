/** A delivery worker dies in the middle of its work: nothing is lost, and hardly anything is sent twice. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { submitBatch } from '../bench/load/http-load.ts';
import { type OwnPipeline, startOwnPipeline, tailMails } from '../rig/own-pipeline.ts';

const count = 2_000;
const domains = 40;
const maxConnections = 20;
/** What is between its final dot and the record of its 250 when the worker dies: two mails of a connection at most. */
const mostDuplicates = 2 * maxConnections;

let own: OwnPipeline;
before(async () => {
  own = await startOwnPipeline({
    workers: { batch: 2 },
    overrides: { delivery: { max_connections: maxConnections } },
  });
});
after(() => own.stop());

const untilAllArrived = async (name: string): Promise<void> => {
  const expected = [...tailMails(name, 'batch', count, domains)].map(({ to }) => to);
  // Duplicates count among the accepted, so the last mails may still be on their way when the number is reached.
  let arrived = await own.sink.arrived();
  const missing = (): string[] => expected.filter((to) => !arrived.at.has(to));
  for (const deadline = performance.now() + 120_000; missing().length > 0 && performance.now() < deadline; ) {
    await own.sink.until((await own.sink.accepted()) + 1, { quietMs: 1_000 });
    arrived = await own.sink.arrived();
  }
  assert.deepEqual(missing(), [], 'lost');
  assert.ok(arrived.duplicates <= mostDuplicates, `${arrived.duplicates} were sent twice`);
};

test('killed and not replaced: the other worker of the stream takes over', async () => {
  const submitting = submitBatch(own.pipeline.endpoints, tailMails('takeover', 'batch', count, domains));
  await own.sink.until(count / 2, { pollMs: 20 });
  await own.pipeline.service('delivery-batch').kill();
  await submitting;
  await untilAllArrived('takeover');
  await own.sink.clear();
});

test('killed and started again: it goes on where it was', async () => {
  await own.pipeline.service('delivery-batch').start();
  await own.pipeline.service('delivery-batch-2').stop();
  const submitting = submitBatch(own.pipeline.endpoints, tailMails('restart', 'batch', count, domains));
  await own.sink.until(count / 2, { pollMs: 20 });
  await own.pipeline.service('delivery-batch').kill();
  await own.pipeline.service('delivery-batch').start();
  await submitting;
  await untilAllArrived('restart');
});
