import { runService } from '@millrace/service';
import { sandboxOptions, startSandbox } from './index.ts';

await runService({
  name: 'sandbox',
  start: async ({ config, logger }) => {
    const sandbox = await startSandbox({
      ...(await sandboxOptions(config)),
      onProblem: (where, err) => logger.debug({ err, where }, 'A client or a check failed'),
    });
    logger.info(
      { page: sandbox.url, dns: sandbox.dnsServer, smtp_port: sandbox.smtpPort },
      'The providers listen',
    );
    return { ready: () => true, stop: () => sandbox.stop() };
  },
});
