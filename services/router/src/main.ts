import { runService } from '@millrace/service';
import { DnsResolver } from '@millrace/smtp';
import { startRouter } from './index.ts';

await runService({
  name: 'router',
  start: async ({ config, logger }) => {
    const dns = new DnsResolver({
      servers: config.router.dns_servers,
      timeoutMs: config.router.dns_timeout_ms,
    });
    const router = await startRouter({ config, logger, lookup: dns });
    return {
      ready: () => router.ready,
      stop: async () => {
        await router.stop();
        await dns.stop();
      },
    };
  },
});
