import { runService } from '@millrace/service';
import { startIngest } from './index.ts';

/** How long Redis is waited for; without it ingest starts all the same, ms. */
const redisPatienceMs = 2_000;

await runService({
  name: 'ingest',
  start: async ({ config, logger, redis }) => {
    const connection = redis();
    await connection.connected(redisPatienceMs);
    const ingest = await startIngest({ config, logger, redis: connection });
    logger.info({ http: ingest.httpUrl, smtp: ingest.smtp }, 'Messages are taken');
    return { ready: () => ingest.ready, stop: () => ingest.stop() };
  },
});
