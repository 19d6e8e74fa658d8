import { giveWay, runService } from '@millrace/service';
import { DnsResolver } from '@millrace/smtp';
import { routerArguments } from './arguments.ts';
import { startRouter } from './index.ts';

await runService({
  name: 'router',
  attributes: (args) => ({ 'millrace.stream': routerArguments(args).stream }),
  start: async ({ config, logger, args }) => {
    const { stream } = routerArguments(args);
    if (stream === 'batch') await giveWay();
    const dns = new DnsResolver({
      servers: config.router.dns_servers,
      timeoutMs: config.router.dns_timeout_ms,
    });
    const router = await startRouter({ config, logger, stream, lookup: dns });
    return {
      ready: () => router.ready,
      stop: async () => {
        await router.stop();
        await dns.stop();
      },
    };
  },
});
