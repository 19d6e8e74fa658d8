import { setTimeout as sleep } from 'node:timers/promises';
import { measure, partOf } from '../measurement.ts';
import { type Comparison, scaled } from './scenario.ts';

const slowIsps = ['gmail', 'yahoo', 'outlook', 'apple', 'comcast', 'tail'];
const seconds = 20;

/** The realtime part alone first, then beside the backlog: both are reported. */
export const isolation: Comparison = {
  name: 'isolation',
  what: '200 realtime messages a second, alone and then beside 200,000 queued batch messages whose ISPs take 50 a second',
  // Above what the ISPs take, so that they do answer with deferrals.
  bed: { batchRate: 60 },
  peers: false,
  async run(system, _bed, scale) {
    const backlog = scaled(200_000, scale);
    const count = scaled(200 * seconds, Math.min(1, scale * 10));
    const alone = await system.submitPaced('alone', 200, (number) => number < count);
    await system.sink.until(count);
    const aloneArrived = await system.sink.arrived();
    await system.sink.clear();
    // Counted for each source address, and realtime has its own: 50 a second of the batch.
    for (const isp of slowIsps)
      await system.sink.behave(isp, { messages_per_second: 50, messages_burst: 50 });
    await system.submitAll('backlog', backlog);
    await sleep(2_000);
    return measure(system.processes(), undefined, async () => {
      const beside = await system.submitPaced('beside', 200, (number) => number < count);
      const until = performance.now() + 30_000;
      let arrived = await system.sink.arrived();
      while (performance.now() < until && ![...beside.keys()].every((to) => arrived.at.has(to))) {
        await sleep(500);
        arrived = await system.sink.arrived();
      }
      return {
        submitted: beside,
        arrived,
        parts: { alone: partOf(alone, aloneArrived), beside: partOf(beside, arrived) },
      };
    });
  },
};
