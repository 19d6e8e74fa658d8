import { measure } from '../measurement.ts';
import { type Comparison, scaled } from './scenario.ts';

/** What the journal is for: nothing lost, and sent twice at most what was between the 250 and its record. */
export const crash: Comparison = {
  name: 'crash',
  what: '20,000 batch messages; the delivery worker is killed with SIGKILL in the middle and started again',
  peers: false,
  async run(system, bed, scale) {
    const count = scaled(20_000, scale);
    const worker = bed.pipeline.service('delivery-batch');
    const others = system.processes().filter(({ name }) => name !== worker.name);
    return measure(others, system.kafkaBytes, async () => {
      const submitting = system.submitAll('crash', count);
      await system.sink.until(Math.floor(count / 2), { pollMs: 20 });
      await worker.kill();
      await worker.start();
      const submitted = await submitting;
      // Copies count among the accepted: what matters is that every recipient has one.
      await system.sink.untilNamed('crash', count);
      return { submitted, arrived: await system.sink.arrived() };
    });
  },
};
