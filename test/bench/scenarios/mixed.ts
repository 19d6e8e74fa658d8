import { setTimeout as sleep } from 'node:timers/promises';
import { measure, partOf } from '../measurement.ts';
import { type Scenario, scaled } from './scenario.ts';

const drainMs = 600_000;
/** Half a second of realtime. */
const onTheirWay = 100;

/** Realtime goes on for as long as the batch drains. */
export const mixed: Scenario = {
  name: 'mixed',
  what: '200 realtime messages a second while 50,000 of a batch drain at full speed',
  peers: true,
  async run(system, _bed, scale) {
    const count = scaled(50_000, scale);
    return measure(system.processes(), system.kafkaBytes, async () => {
      let drained = false;
      let realtimeSent = 0;
      const draining = (async () => {
        const submitted = await system.submitAll('batch', count);
        // Realtime arrives at the same sink: the batch is through when all of both but the newest are.
        const giveUpAt = performance.now() + drainMs;
        while ((await system.sink.accepted()) < count + realtimeSent - onTheirWay) {
          if (performance.now() > giveUpAt) throw new Error(`The batch is not through after ${drainMs} ms.`);
          await sleep(100);
        }
        drained = true;
        return submitted;
      })();
      const paced = system.submitPaced('realtime', 200, (number) => {
        realtimeSent = number;
        return !drained;
      });
      const [batch, realtime] = await Promise.all([draining, paced]);
      await system.sink.until(batch.size + realtime.size);
      const arrived = await system.sink.arrived();
      return {
        submitted: new Map([...batch, ...realtime]),
        arrived,
        parts: { realtime: partOf(realtime, arrived), batch: partOf(batch, arrived) },
      };
    });
  },
};
