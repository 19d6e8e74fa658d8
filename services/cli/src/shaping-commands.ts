/** The command line of shaping. */
import { type Command, Option } from 'commander';
import type { ExplainFlags } from './commands/shaping.ts';
import type { Act } from './program.ts';

export function addShaping(program: Command, act: Act): void {
  const shaping = program.command('shaping').description('limits of each lane, and where they come from');
  shaping
    .command('check')
    .description('check a shaping file')
    .argument('<file>', 'shaping file (YAML)')
    .action((file: string) =>
      act(async (context) => (await import('./commands/shaping.ts')).checkShaping(context, file)),
    );
  shaping
    .command('explain')
    .description('every limit of the lanes to a domain, and the line or the control that it came from')
    .argument('<domain>', 'recipient domain, or a provider such as gmail')
    .option('--source <name>', 'from this egress source')
    .addOption(new Option('--stream <stream>', 'default: both').choices(['realtime', 'batch']))
    .option('--file <file>', 'explain this file, without controls; default: what is in force')
    .action((domain: string, flags: ExplainFlags) =>
      act(async (context) => (await import('./commands/shaping.ts')).explainShaping(context, domain, flags)),
    );
  shaping
    .command('show')
    .description('the shaping file that is in force')
    .action(() => act(async (context) => (await import('./commands/shaping.ts')).showShaping(context)));
}
