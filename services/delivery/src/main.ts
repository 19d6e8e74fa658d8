import { setPriority } from 'node:os';
import { runService } from '@millrace/service';
import { deliveryArguments } from './arguments.ts';
import { startDelivery } from './index.ts';

/** Of 19: where both compete for a processor, realtime gets nine tenths of it. */
const batchNiceness = 10;

await runService({
  name: 'delivery',
  attributes: (args) => ({ 'millrace.stream': deliveryArguments(args).stream }),
  start: async ({ config, logger, redis, args }) => {
    const { stream, shards } = deliveryArguments(args);
    if (stream === 'batch') setPriority(batchNiceness);
    const delivery = await startDelivery({
      config,
      logger,
      redis: redis(),
      stream,
      ...(shards === undefined ? {} : { shards }),
    });
    return { ready: () => delivery.ready, stop: () => delivery.stop() };
  },
});
