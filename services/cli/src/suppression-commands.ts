/** `millrace suppression ...`: its commands, flags and help. */
import { type Command, Option } from 'commander';
import type { AddSuppressionFlags, ListFlags, RemoveFlags } from './commands/suppression.ts';
import type { Act } from './program.ts';

const reasons = ['manual', 'bounce', 'complaint', 'unsubscribe'];
const commands = () => import('./commands/suppression.ts');

const filtered = (command: Command): Command =>
  command
    .addOption(new Option('--reason <reason>', 'only for this reason').choices(reasons))
    .option('--list <name>', 'only of this list (category); *: those of every list');

export function addSuppression(program: Command, act: Act): void {
  const suppression = program
    .command('suppression')
    .description('addresses and domains that the API key’s tenant must not send to');
  filtered(suppression.command('list'))
    .description('those there are, in no order')
    .option('-n, --limit <count>', 'so many at most', '100')
    .action((flags: ListFlags) =>
      act(async (context) => (await commands()).listSuppressions(context, flags)),
    );
  filtered(suppression.command('search'))
    .description('those whose address contains a text')
    .argument('<text>', 'part of an address, e.g. @example.com')
    .option('-n, --limit <count>', 'so many at most', '100')
    .action((search: string, flags: ListFlags) =>
      act(async (context) => (await commands()).listSuppressions(context, { ...flags, search })),
    );
  suppression
    .command('add')
    .description('never send to an address, or with @example.com to a whole domain')
    .argument('<address>', 'address, or @domain')
    .addOption(new Option('--reason <reason>', 'kind of reason').choices(reasons).default('manual'))
    .option('--note <text>', 'why, for people')
    .option('--author <name>', 'who; default: the id of the API key')
    .option('--list <name>', 'only messages of this list (category); *: of every list')
    .addOption(new Option('--stream <stream>', 'only this stream').choices(['realtime', 'batch']))
    .option('--for <time>', 'so long, e.g. 30d')
    .option('--until <time>', 'until a date-time')
    .action((address: string, flags: AddSuppressionFlags) =>
      act(async (context) => (await commands()).addSuppression(context, address, flags)),
    );
  suppression
    .command('remove')
    .description('allow an address or a domain again')
    .argument('<address>', 'address, or @domain')
    .option('--note <text>', 'why, for people')
    .option('--author <name>', 'who; default: the id of the API key')
    .option('--list <name>', 'what applies to this list only')
    .action((address: string, flags: RemoveFlags) =>
      act(async (context) => (await commands()).removeSuppression(context, address, flags)),
    );
  suppression
    .command('import')
    .description('suppress every address of a CSV file of any length')
    .argument(
      '<file>',
      'with a column address, and if wanted reason, streams, list, expires_at, note; - is standard input',
    )
    .action((file: string) => act(async (context) => (await commands()).importSuppressions(context, file)));
  filtered(suppression.command('export'))
    .description('write all of them as CSV')
    .argument('[file]', 'where to; default: standard output')
    .action((file: string | undefined, flags: ListFlags) =>
      act(async (context) => (await commands()).exportSuppressions(context, file, flags)),
    );
  suppression
    .command('audit')
    .description('who suppressed an address or allowed it again, when and why')
    .argument('<address>', 'address, or @domain')
    .action((address: string) =>
      act(async (context) => (await commands()).auditSuppression(context, address)),
    );
}
