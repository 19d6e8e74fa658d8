import { measure } from '../measurement.ts';
import { type Comparison, scaled } from './scenario.ts';

/** 50,000 templated messages of 10 KB, RSA-2048 signed, ten domains; as fast as they go. */
export const batch: Comparison = {
  name: 'batch',
  what: '50,000 templated messages of 10 KB, RSA-2048 DKIM, to ten domains, as fast as they go',
  peers: true,
  async run(system, _bed, scale) {
    const count = scaled(50_000, scale);
    return measure(system.processes(), system.kafkaBytes, async () => {
      const submitted = await system.submitAll('batch', count);
      await system.sink.until(count);
      return { submitted, arrived: await system.sink.arrived() };
    });
  },
};
