import { runService } from '@millrace/service';
import { startShaper } from './index.ts';

await runService({
  name: 'shaper',
  start: async ({ config, logger }) => {
    const shaper = await startShaper({ config, logger });
    return { ready: () => shaper.ready, stop: () => shaper.stop() };
  },
});
