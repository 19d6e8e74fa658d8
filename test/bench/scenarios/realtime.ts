import { measure } from '../measurement.ts';
import { type Comparison, scaled } from './scenario.ts';

/** What one event after the other asks for. */
export const realtime: Comparison = {
  name: 'realtime',
  what: '200 realtime messages a second for 60 s',
  peers: true,
  async run(system, _bed, scale) {
    const count = scaled(12_000, scale);
    return measure(system.processes(), system.kafkaBytes, async () => {
      const submitted = await system.submitPaced('realtime', 200, (number) => number < count);
      await system.sink.until(count);
      return { submitted, arrived: await system.sink.arrived() };
    });
  },
};
