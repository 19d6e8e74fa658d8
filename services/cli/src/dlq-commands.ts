/** The command line of dead letters. */
import type { Command } from 'commander';
import type { DlqFlags, DlqReplayFlags, DlqShowFlags } from './commands/dlq.ts';
import type { Act } from './program.ts';

const topicHelp = 'mail.requests.dlq, or mail.requests for short';

export function addDlq(program: Command, act: Act): void {
  const dlq = program.command('dlq').description('records that could not be processed');
  dlq
    .command('list', { isDefault: true })
    .description('topics that keep dead letters, with how many')
    .option('--timeout <time>', 'for reading them', '60s')
    .action((flags: DlqFlags) =>
      act(async (context) => (await import('./commands/dlq.ts')).listDeadLetters(context, flags)),
    );
  dlq
    .command('show')
    .description('the newest dead letters of a topic: why, from where, when, and what they say')
    .argument('<topic>', topicHelp)
    .option('-n, --limit <count>', 'so many at most', '20')
    .option('--timeout <time>', 'for reading them', '60s')
    .action((topic: string, flags: DlqShowFlags) =>
      act(async (context) => (await import('./commands/dlq.ts')).showDeadLetters(context, topic, flags)),
    );
  dlq
    .command('replay')
    .description('put dead letters back on the topic that they came from, byte for byte; none of them twice')
    .argument('<topic>', topicHelp)
    .option('--offset <range>', 'one offset, or the first and the last: 4 or 4..9')
    .option('--all', 'every dead letter of the topic')
    .option('--again', 'also those that were replayed before')
    .option('--dry-run', 'only say what it would do')
    .action((topic: string, flags: DlqReplayFlags) =>
      act(async (context) => (await import('./commands/dlq.ts')).replayDeadLetters(context, topic, flags)),
    );
}
