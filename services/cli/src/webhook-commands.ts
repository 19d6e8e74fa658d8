/** `millrace webhook ...`: its commands, flags and help. */
import type { Command } from 'commander';
import type { LogFlags, ReplayFlags, TestFlags } from './commands/webhook.ts';
import type { Act } from './program.ts';

const commands = () => import('./commands/webhook.ts');

export function addWebhook(program: Command, act: Act): void {
  const webhook = program.command('webhook').description('endpoints that events are posted to');
  webhook
    .command('list')
    .description('endpoints, what waits for each, and what it said last')
    .action(() => act(async (context) => (await commands()).listWebhooks(context)));
  webhook
    .command('log')
    .description('requests, with status, time and error')
    .argument('[endpoint]', 'TENANT/NAME; default: all')
    .option('--since <time>', 'from a date-time, or so long ago', '1h')
    .option('--failed', 'only those that were not taken')
    .option('--message <id>', 'only those with an event of this message')
    .option('-n, --limit <count>', 'the newest, so many at most', '50')
    .option('--timeout <time>', 'for reading', '60s')
    .action((endpoint: string | undefined, flags: LogFlags) =>
      act(async (context) => (await commands()).webhookLog(context, endpoint, flags)),
    );
  webhook
    .command('replay')
    .description('post events once more')
    .argument('<endpoint>', 'TENANT/NAME')
    .requiredOption('--since <time>', 'from a date-time, or so long ago')
    .option('--until <time>', 'up to a date-time, or so long ago (default: now)')
    .option('--message <id>', 'only events of this message')
    .option('--dead', 'only those that were given up')
    .option('--timeout <time>', 'for reading', '10m')
    .action((endpoint: string, flags: ReplayFlags) =>
      act(async (context) => (await commands()).replayWebhooks(context, endpoint, flags)),
    );
  webhook
    .command('test')
    .description('post a webhook.test event, and show what the endpoint says')
    .argument('<endpoint>', 'TENANT/NAME')
    .option('--timeout <time>', 'for its answer', '30s')
    .action((endpoint: string, flags: TestFlags) =>
      act(async (context) => (await commands()).testWebhook(context, endpoint, flags)),
    );
}
