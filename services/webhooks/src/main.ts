import { runService } from '@millrace/service';
import { startWebhookService } from './index.ts';

await runService({
  name: 'webhooks',
  start: async ({ config, logger }) => {
    const webhooks = await startWebhookService({ config, logger });
    return { ready: () => webhooks.ready, stop: () => webhooks.stop() };
  },
});
