/** The command line of what comes back. */
import type { Command } from 'commander';
import type { ClassifyFlags } from './commands/classify.ts';
import type { ParseFlags } from './commands/feedback-parse.ts';
import type { Act } from './program.ts';

/** `actAlone`: for commands that need no installation, and start without looking for one. */
export function addFeedback(program: Command, actAlone: Act): void {
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
