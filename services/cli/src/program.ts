/** The command line: commands, their flags and their help. What a command does is in `commands/`, loaded when it is used. */
import { Command, CommanderError, Option } from 'commander';
import packageFile from '../package.json' with { type: 'json' };
import { CliError } from './cli-error.ts';
import type { EventsFlags } from './commands/events.ts';
import type { SandboxFlags } from './commands/sandbox.ts';
import type { SendCommandFlags } from './commands/send.ts';
import type { PutFlags } from './commands/template.ts';
import type { TraceFlags } from './commands/trace.ts';
import type { CommandContext } from './context.ts';
import { addDlq } from './dlq-commands.ts';
import { type Ending, exitCodeHelp, exitCodeOf } from './exit-codes.ts';
import { addClassify, addFeedback } from './feedback-commands.ts';
import { repeated } from './flags.ts';
import type { Installation, InstallationFlags } from './installation.ts';
import { InterruptedError } from './patience.ts';
import { addControls, addForecast, addShaping, addWarmUp, addWhy } from './shaping-commands.ts';
import { addSuppression } from './suppression-commands.ts';
import type { Terminal } from './terminal.ts';
import { addWebhook } from './webhook-commands.ts';

/** The process around the command. */
export interface Surroundings
  extends Pick<CommandContext, 'terminal' | 'stdin' | 'cwd' | 'env' | 'now' | 'signal'> {}

interface GlobalFlags extends InstallationFlags {
  readonly json?: boolean;
}

const none: readonly string[] = [];

/** Runs one command line, without the program's name; gives the exit code. */
export async function run(argv: readonly string[], around: Surroundings): Promise<number> {
  let ending: Ending = 'ok';
  const { terminal } = around;
  const program = new Command('millrace');

  /** Runs a command's work with the flags that all commands have. */
  const act = async (work: (context: CommandContext) => Promise<Ending>): Promise<void> => {
    const flags = program.opts<GlobalFlags>();
    const { findInstallation } = await import('./installation.ts');
    let installation: Installation | undefined;
    ending = await work({
      ...around,
      json: flags.json === true,
      installation: () => {
        installation ??= findInstallation(flags, around.env, around.cwd);
        return installation;
      },
    });
  };

  /** The same for commands that need none: looking for an installation loads much, and they start at once. */
  const actAlone: Act = async (work) => {
    ending = await work({
      ...around,
      json: program.opts<GlobalFlags>().json === true,
      installation: () => {
        throw new TypeError('This command was started without an installation.');
      },
    });
  };

  program
    .description('Sends mail through Millrace, and shows what happens to it.')
    .version(packageFile.version, '-V, --version', 'show the version')
    .helpOption('-h, --help', 'show this help')
    .option('--json', 'print JSON: one document, or a line for each item of what goes on')
    .option('--config <file>', 'configuration of the installation (MILLRACE_CONFIG)')
    .option('--url <url>', 'base URL of ingest (MILLRACE_URL)')
    .option('--api-key <key>', 'API key (MILLRACE_API_KEY)')
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({
      writeOut: (text) => terminal.line(text.trimEnd()),
      writeErr: (text) => terminal.problem(text.trimEnd()),
      outputError: (text, write) => write(text.replace(/^error: /, 'millrace: ')),
    })
    .showHelpAfterError('millrace --help lists the commands; millrace COMMAND --help its flags.')
    .exitOverride()
    .addHelpText('after', `\n${whereHelp}`)
    .addHelpText('afterAll', `\n${exitCodeHelp()}`);

  addSend(program, act);
  addTemplate(program, act);
  addSuppression(program, act);
  addStatus(program, act);
  addEvents(program, act);
  addTrace(program, act);
  addSandbox(program, act);
  addShaping(program, act);
  addControls(program, act);
  addWhy(program, act);
  addForecast(program, act);
  addWarmUp(program, act);
  addDlq(program, act);
  addWebhook(program, act);
  addFeedback(program, act, actAlone);
  addClassify(program, actAlone);
  addDoctor(program, act);

  try {
    await program.parseAsync([...argv], { from: 'user' });
    return exitCodeOf(ending);
  } catch (error) {
    return endingOf(error, terminal, argv.includes('--json'));
  }
}

/** Runs a command's work. */
export type Act = (work: (context: CommandContext) => Promise<Ending>) => Promise<void>;

const whereHelp = `Which installation: the flags above; else the environment; else the local pipeline that npm start runs
(.millrace/endpoints.json here or above); else millrace.yaml here; else the defaults.`;

/** Shows what went wrong; gives the exit code. */
function endingOf(error: unknown, terminal: Terminal, json: boolean): number {
  if (error instanceof InterruptedError) return exitCodeOf('ok');
  if (error instanceof CommanderError) {
    // Help that was asked for is no error; a command that is missing is.
    const asked = error.code === 'commander.helpDisplayed' || error.code === 'commander.version';
    return exitCodeOf(asked ? 'ok' : 'usage');
  }
  if (error instanceof CliError) {
    const { code, message, hint, details, ending } = error;
    if (json) {
      const shown = { code, message, ...(hint ? { hint } : {}), ...(details.length > 0 ? { details } : {}) };
      terminal.problem(JSON.stringify({ error: shown }));
    } else {
      terminal.problem(`millrace: ${message}`);
      for (const detail of details) terminal.problem(`  ${detail}`);
      if (hint) terminal.problem(hint);
    }
    return exitCodeOf(ending);
  }
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  terminal.problem(
    json ? JSON.stringify({ error: { code: 'ERR_INTERNAL', message: text } }) : `millrace: ${text}`,
  );
  return exitCodeOf('failed');
}

function addSend(program: Command, act: Act): void {
  program
    .command('send')
    .description('send one content to one or many recipients; each gets a message of its own')
    .option('--from <address>', 'sender: an address, or "Name <address>"; not needed with --eml')
    .option(
      '--to <address>',
      'recipient, repeatable; with --eml the default is its To and Cc',
      repeated,
      none,
    )
    .option('--subject <text>', 'subject')
    .option('--text <text>', 'plain text body')
    .option('--text-file <file>', 'plain text body from a file; - is standard input')
    .option('--html <html>', 'HTML body')
    .option('--html-file <file>', 'HTML body from a file; - is standard input')
    .option('--attach <file>', 'attachment, repeatable', repeated, none)
    .option('--header <field>', 'further header field, "Name: value", repeatable', repeated, none)
    .option('--reply-to <address>', 'Reply-To')
    .option('--eml <file>', 'send a whole message (RFC 5322) as it is; - is standard input')
    .option('--template <id>', 'use a template, id or id@version')
    .option('--var <name=value>', 'template variable, repeatable', repeated, none)
    .option('--variables <file>', 'template variables: a JSON object in a file')
    .addOption(new Option('--stream <stream>', 'default: by category').choices(['realtime', 'batch']))
    .option('--category <name>', 'otp, password_reset, receipt, notification or one of your own')
    .option('--campaign <name>', 'campaign')
    .option('--tag <tag>', 'tag, carried into every event, repeatable', repeated, none)
    .option('--metadata <name=value>', 'carried into every event, repeatable', repeated, none)
    .option('--send-at <time>', 'not before: a date-time, or 10m from now')
    .option('--expires-at <time>', 'not after: a date-time, or 10m from now')
    .option('--pool <name>', 'egress pool')
    .addOption(
      new Option('--guarantee <guarantee>', 'at_most_once is for category otp').choices([
        'at_least_once',
        'at_most_once',
      ]),
    )
    .option('--idempotency-key <key>', 'your name for this request: repeated, it sends nothing twice')
    .option('--wait [time]', 'wait until each message has ended, at most so long (default 60s)')
    .action((flags: SendCommandFlags) =>
      act(async (context) => (await import('./commands/send.ts')).send(context, flags)),
    );
}

function addTemplate(program: Command, act: Act): void {
  const template = program.command('template').description('templates of the API key’s tenant');
  template
    .command('put')
    .description('store a new version of a template')
    .argument('<id>', 'template id')
    .option('--subject <source>', 'source of the subject')
    .option('--text <file>', 'file with the source of the plain text; - is standard input')
    .option('--html <file>', 'file with the source of the HTML; - is standard input')
    .addOption(new Option('--language <language>', 'default: liquid').choices(['liquid', 'handlebars']))
    .option('--header <field>', 'header field of every message, "Name: value", repeatable', repeated, none)
    .action((id: string, flags: PutFlags) =>
      act(async (context) => (await import('./commands/template.ts')).putTemplate(context, id, flags)),
    );
  template
    .command('list')
    .description('list templates')
    .action(() => act(async (context) => (await import('./commands/template.ts')).listTemplates(context)));
  template
    .command('show')
    .description('show the sources of a template')
    .argument('<id>', 'template id, or id@version')
    .action((id: string) =>
      act(async (context) => (await import('./commands/template.ts')).showTemplate(context, id)),
    );
  template
    .command('delete')
    .description('delete a template; messages that were accepted before are still sent')
    .argument('<id>', 'template id')
    .action((id: string) =>
      act(async (context) => (await import('./commands/template.ts')).deleteTemplate(context, id)),
    );
}

function addStatus(program: Command, act: Act): void {
  program
    .command('status')
    .description('streams, shards with what waits in them, lanes')
    .action(() => act(async (context) => (await import('./commands/status.ts')).status(context)));
}

function addEvents(program: Command, act: Act): void {
  program
    .command('events')
    .description('the newest events, or with --follow each event as it comes')
    .option('-f, --follow', 'go on until Ctrl-C')
    .option('--since <time>', 'from a date-time, or so long ago (default 1h; with --follow: now)')
    .option('-n, --limit <count>', 'so many events at most (default 20; with --follow: no limit)')
    .option('--timeout <time>', 'for reading what is there', '60s')
    .option('--kind <kind>', 'accepted, routed, deferred, delivered, bounced ..., repeatable', repeated, none)
    .option('--stream <stream>', 'realtime or batch')
    .option('--isp <isp>', 'mailbox provider, e.g. gmail')
    .option('--to <address>', 'recipient, or @domain')
    .option('--tenant <name>', 'tenant')
    .option('--campaign <name>', 'campaign')
    .option('--category <name>', 'category')
    .option('--tag <tag>', 'tag')
    .option('--message <id>', 'message id')
    .action((flags: EventsFlags) =>
      act(async (context) => (await import('./commands/events.ts')).events(context, flags)),
    );
}

function addTrace(program: Command, act: Act): void {
  program
    .command('trace')
    .description('a message’s life: every event of it')
    .argument('<message-id>', 'a UUIDv7, as millrace send and the API show it')
    .option('--wait', 'wait until the message has ended')
    .option('--since <time>', 'look from here on (default: the time in the id)')
    .option('--timeout <time>', 'for reading, or for the end of the message', '60s')
    .action((id: string, flags: TraceFlags) =>
      act(async (context) => (await import('./commands/trace.ts')).trace(context, id, flags)),
    );
}

function addSandbox(program: Command, act: Act): void {
  program
    .command('sandbox')
    .description('run the sandbox ISPs by themselves: SMTP, DNS and a page that shows what arrives')
    .option('--smtp-port <port>', 'SMTP port of every ISP; 0: any free one')
    .option('--dns-port <port>', 'DNS port; 0: any free one')
    .option('--http-port <port>', 'port of page and API; 0: any free one')
    .option('--behaviour <file>', 'YAML with the behaviour of each ISP')
    .option('--seed <number>', 'seed of everything random')
    .action((flags: SandboxFlags) =>
      act(async (context) => (await import('./commands/sandbox.ts')).sandbox(context, flags)),
    );
}

function addDoctor(program: Command, act: Act): void {
  program
    .command('doctor')
    .description('check configuration, Kafka, registry, Redis, ingest, clock, DNS and outbound port 25')
    .action(() => act(async (context) => (await import('./commands/doctor.ts')).doctor(context)));
}
