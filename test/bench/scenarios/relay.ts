import { measure, partOf } from '../measurement.ts';
import { type Comparison, scaled } from './scenario.ts';

/** Whole messages that an application made: half of them by the API, then half by SMTP. */
export const relay: Comparison = {
  name: 'relay',
  what: '20,000 whole messages of 10 KB, half by API and half by SMTP submission',
  peers: true,
  whole: true,
  async run(system, _bed, scale) {
    const count = scaled(20_000, scale);
    return measure(system.processes(), system.kafkaBytes, async () => {
      const ways = await system.submitRaw('relay', count);
      await system.sink.until(count);
      const arrived = await system.sink.arrived();
      return {
        submitted: new Map(Object.values(ways).flatMap((submitted) => [...submitted])),
        arrived,
        parts: Object.fromEntries(
          Object.entries(ways).map(([way, submitted]) => [way, partOf(submitted, arrived)]),
        ),
      };
    });
  },
};
