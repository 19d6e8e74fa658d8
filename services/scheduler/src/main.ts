import { runService } from '@millrace/service';
import { startScheduler } from './index.ts';

await runService({
  name: 'scheduler',
  start: async ({ config, logger }) => {
    const scheduler = await startScheduler({ config, logger });
    return { ready: () => scheduler.ready, stop: () => scheduler.stop() };
  },
});
