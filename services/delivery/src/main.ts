import { giveWay, runService } from '@millrace/service';
import { deliveryArguments } from './arguments.ts';
import { startDelivery } from './index.ts';

await runService({
  name: 'delivery',
  attributes: (args) => ({ 'millrace.stream': deliveryArguments(args).stream }),
  start: async ({ config, logger, redis, args }) => {
    const { stream, shards } = deliveryArguments(args);
    if (stream === 'batch') await giveWay();
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
