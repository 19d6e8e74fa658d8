import { runService } from '@millrace/service';
import { startFeedback } from './index.ts';

await runService({
  name: 'feedback',
  start: async ({ config, logger, redis }) => {
    const feedback = await startFeedback({ config, logger, redis: redis() });
    logger.info({ http: feedback.httpPort, smtp: feedback.smtpPort }, 'Reports are taken');
    return { ready: () => feedback.ready, stop: () => feedback.stop() };
  },
});
