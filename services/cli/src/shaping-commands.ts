/** The command line of shaping. */
import { type Command, Option } from 'commander';
import type { ControlFlags, MoveFlags } from './commands/controls.ts';
import type { ForecastFlags } from './commands/forecast.ts';
import type { ExplainFlags } from './commands/shaping.ts';
import type { WarmUpStatusFlags } from './commands/warmup.ts';
import type { WhyFlags } from './commands/why.ts';
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
  withReason(shaping.command('apply'))
    .description('make a shaping file the one that every worker follows')
    .argument('<file>', 'shaping file (YAML)')
    .action((file: string, flags: ControlFlags) =>
      act(async (context) => (await import('./commands/controls.ts')).applyShaping(context, file, flags)),
    );
}

const scopeHelp =
  'batch/gmail/ip1, batch/gmail, source:NAME, pool:NAME, tenant:NAME, campaign:TENANT/NAME, domain:NAME';

/** What every control carries. */
const withReason = (command: Command): Command =>
  command
    .requiredOption('--reason <text>', 'why, for everybody who will see it')
    .option('--author <name>', 'who (default: the user of this machine)')
    .option('--for <time>', 'ends by itself so long from now: 30m, 2h, 1d')
    .option('--until <time>', 'ends by itself then: a date-time');

export function addControls(program: Command, act: Act): void {
  const set = (name: string, kind: string, description: string): void => {
    withReason(program.command(name))
      .description(description)
      .argument('<scope>', scopeHelp)
      .action((scope: string, flags: ControlFlags) =>
        act(async (context) =>
          (await import('./commands/controls.ts')).setControl(context, kind, scope, flags),
        ),
      );
  };
  set('suspend', 'suspension', 'send nothing of a scope until a time, or until it is resumed');
  program
    .command('resume')
    .description('undo a suspension')
    .argument('<scope>', scopeHelp)
    .action((scope: string) =>
      act(async (context) =>
        (await import('./commands/controls.ts')).undoControl(context, 'suspension', scope),
      ),
    );
  withReason(program.command('limit'))
    .description('override limits of a lane, a provider or a source')
    .argument('<scope>', 'batch/gmail/ip1, batch/gmail or source:NAME')
    .argument('<limits...>', 'as in the shaping file: max_message_rate=10/min connection_limit=2')
    .action((scope: string, limits: readonly string[], flags: ControlFlags) =>
      act(async (context) => (await import('./commands/controls.ts')).limit(context, scope, limits, flags)),
    );
  set('drop', 'drop', 'end the waiting messages of a scope, and those that come, as cancelled');
  withReason(program.command('move'))
    .description('let messages of a scope leave from another source or pool of their stream')
    .argument('<scope>', scopeHelp)
    .option('--to-pool <name>', 'egress pool')
    .option('--to-source <name>', 'egress source')
    .action((scope: string, flags: MoveFlags) =>
      act(async (context) => (await import('./commands/controls.ts')).move(context, scope, flags)),
    );
  const controls = program.command('controls').description('what operators and automation have changed');
  controls
    .command('list')
    .description('everything that is in force')
    .action(() => act(async (context) => (await import('./commands/controls.ts')).listControls(context)));
  controls
    .command('undo')
    .description('undo a control, whoever set it')
    .argument('<kind>', 'suspension, limits, drop, move, hold, shaping, cap or adaptive')
    .argument('<scope>', 'as millrace controls list shows it')
    .action((kind: string, scope: string) =>
      act(async (context) => (await import('./commands/controls.ts')).undoControl(context, kind, scope)),
    );
}

export function addWhy(program: Command, act: Act): void {
  program
    .command('why')
    .description('what a message or a lane waits for, by which limit, and what could be done')
    .argument('[message-id]', 'a UUIDv7, as millrace send and the API show it')
    .option('--lane <lane>', 'a lane instead: batch/gmail/ip1, or gmail/ip1 for both streams')
    .option('--timeout <time>', 'for reading the events of the message', '60s')
    .action((id: string | undefined, flags: WhyFlags) =>
      act(async (context) => (await import('./commands/why.ts')).why(context, id, flags)),
    );
}

export function addForecast(program: Command, act: Act): void {
  program
    .command('forecast')
    .description('when what waits now will be gone under the limits that hold, and what would change it')
    .argument('[queue]', 'batch/gmail, batch or gmail; default: everything that waits')
    .option('--measure <time>', 'measure the pace of lanes for so long', '5s')
    .action((queue: string | undefined, flags: ForecastFlags) =>
      act(async (context) => (await import('./commands/forecast.ts')).forecast(context, queue, flags)),
    );
}

export function addWarmUp(program: Command, act: Act): void {
  const warmUp = program.command('warmup').description('how far new sources are on their plans');
  warmUp
    .command('status')
    .description('day, cap and volume of each source that is warmed, and when it will be through')
    .option('--volume <mails>', 'mails a day; default: what its pools delivered in the last 24 hours')
    .option('--timeout <time>', 'for counting them', '60s')
    .action((flags: WarmUpStatusFlags) =>
      act(async (context) => (await import('./commands/warmup.ts')).warmUpStatus(context, flags)),
    );
  warmUp
    .command('plan')
    .description('the caps of every day of a plan')
    .argument('<name>', 'plan (100k, 1m, 10m or one of the configuration), or a source')
    .action((name: string) =>
      act(async (context) => (await import('./commands/warmup.ts')).showWarmUpPlan(context, name)),
    );
  withReason(warmUp.command('hold'))
    .description('stay on the present day until it is resumed')
    .argument('<source>', 'egress source')
    .action((source: string, flags: ControlFlags) =>
      act(async (context) => (await import('./commands/warmup.ts')).holdWarmUp(context, source, flags)),
    );
  warmUp
    .command('resume')
    .description('go on from the present day')
    .argument('<source>', 'egress source')
    .action((source: string) =>
      act(async (context) => (await import('./commands/warmup.ts')).resumeWarmUp(context, source)),
    );
}
