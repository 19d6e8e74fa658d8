import { measure, partOf } from '../measurement.ts';
import { type Comparison, scaled } from './scenario.ts';

/** Realtime goes on for as long as the batch drains. */
export const mixed: Comparison = {
  name: 'mixed',
  what: '200 realtime messages a second while 50,000 of a batch drain at full speed',
  peers: true,
  async run(system, _bed, scale) {
    const count = scaled(50_000, scale);
    return measure(system.processes(), system.kafkaBytes, async () => {
      let drained = false;
      const draining = (async () => {
        const submitted = await system.submitAll('batch', count);
        await system.sink.untilNamed('batch', count);
        drained = true;
        return submitted;
      })();
      const paced = system.submitPaced('realtime', 200, () => !drained);
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
