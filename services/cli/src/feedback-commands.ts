/** The command line of what comes back. */
import type { Command } from 'commander';
import type { ClassifyFlags } from './commands/classify.ts';
import type { ParseFlags } from './commands/feedback-parse.ts';
import type { ImportFlags, ReplayFlags } from './commands/feedback-topic.ts';
import type { Act } from './program.ts';

/** `actAlone`: for commands that need no installation, and start without looking for one. */
export function addFeedback(program: Command, act: Act, actAlone: Act): void {
  const feedback = program
    .command('feedback')
    .description('bounces, complaints and other reports about mail that was sent');
  feedback
    .command('parse')
    .description('what reports say, each recipient with category and hard or soft; needs no server')
    .argument('<files...>', 'mail, mbox, Maildir or folder of them; - is standard input')
    .option('--mbox', 'every file is an mbox (default: those that begin as one)')
    .action((files: readonly string[], flags: ParseFlags) =>
      actAlone(async (context) =>
        (await import('./commands/feedback-parse.ts')).parseReports(context, files, flags),
      ),
    );
  feedback
    .command('import')
    .description('hand reports of files to the feedback service, as if they had come by mail')
    .argument('<files...>', 'mail, mbox, Maildir or folder of them; - is standard input')
    .option('--mbox', 'every file is an mbox (default: those that begin as one)')
    .action((files: readonly string[], flags: ImportFlags) =>
      act(async (context) =>
        (await import('./commands/feedback-topic.ts')).importReports(context, files, flags),
      ),
    );
  feedback
    .command('replay')
    .description('have old reports read once more, by a better parser; what was undone since stays undone')
    .requiredOption('--since <time>', 'from a date-time, or so long ago; reports are kept for 30 days')
    .option('--timeout <time>', 'for reading them', '10m')
    .action((flags: ReplayFlags) =>
      act(async (context) => (await import('./commands/feedback-topic.ts')).replayReports(context, flags)),
    );
}

export function addClassify(program: Command, actAlone: Act): void {
  program
    .command('classify')
    .description('what an SMTP reply, or the text of a bounce, means, and which rule decided')
    .argument('<replies...>', '"550 5.1.1 No such user"; - reads a reply from each line of standard input')
    .option(
      '--phase <phase>',
      'where in the session: connect, greeting, ehlo, tls, auth, mail, rcpt, data, body',
      'rcpt',
    )
    .action((replies: readonly string[], flags: ClassifyFlags) =>
      actAlone(async (context) => (await import('./commands/classify.ts')).classify(context, replies, flags)),
    );
}
