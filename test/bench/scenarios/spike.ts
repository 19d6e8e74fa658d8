import { measure } from '../measurement.ts';
import { type Comparison, scaled } from './scenario.ts';

/** Latencies count from the one moment at which all are asked for. */
export const spike: Comparison = {
  name: 'spike',
  what: '1,000 realtime messages at once',
  peers: true,
  async run(system, _bed, scale) {
    const count = scaled(1_000, scale);
    return measure(system.processes(), system.kafkaBytes, async () => {
      const submitted = await system.submitBurst('spike', count);
      await system.sink.until(count, { pollMs: 50 });
      return { submitted, arrived: await system.sink.arrived() };
    });
  },
};
