/** `millrace sandbox`: the scripted ISPs by themselves, for testing any sender against them. */
import { resolve } from 'node:path';
import {
  BehaviourError,
  ispDefinitions,
  magicWords,
  type Sandbox,
  type SandboxOptions,
  sandboxOptions,
  startSandbox,
} from '@millrace/sandbox';
import { loadConfig } from '@millrace/service';
import { CliError } from '../cli-error.ts';
import type { CommandContext } from '../context.ts';
import type { Ending } from '../exit-codes.ts';
import { numberFlag } from '../flags.ts';
import { InterruptedError, interrupted } from '../patience.ts';
import { tableOf } from '../terminal.ts';

export interface SandboxFlags {
  readonly smtpPort?: string;
  readonly dnsPort?: string;
  readonly httpPort?: string;
  readonly behaviour?: string;
  readonly seed?: string;
}

/** Runs until Ctrl-C. Throws CliError where it cannot start. */
export async function sandbox(context: CommandContext, flags: SandboxFlags): Promise<Ending> {
  const running = await start(await optionsOf(context, flags));
  try {
    show(context, running);
    await interrupted(context.signal);
  } catch (error) {
    if (!(error instanceof InterruptedError)) throw error;
  } finally {
    await running.stop();
  }
  return 'ok';
}

/** The configuration's `sandbox`; beside a local pipeline, whose sandbox has those ports, the defaults. */
async function optionsOf(context: CommandContext, flags: SandboxFlags): Promise<SandboxOptions> {
  const installation = context.installation();
  const config = installation.endpoints ? loadConfig({ env: {} }) : installation.config;
  const { sandbox: settings } = config;
  const port = (flag: string, text: string | undefined, otherwise: number): number =>
    text === undefined ? otherwise : numberFlag(flag, text, 0);
  try {
    const options = await sandboxOptions({
      ...config,
      sandbox: {
        ...settings,
        http: { ...settings.http, port: port('--http-port', flags.httpPort, settings.http.port) },
        smtp_port: port('--smtp-port', flags.smtpPort, settings.smtp_port),
        dns_port: port('--dns-port', flags.dnsPort, settings.dns_port),
        ...(flags.behaviour === undefined ? {} : { behaviour_file: resolve(context.cwd, flags.behaviour) }),
      },
    });
    return {
      ...options,
      stateDirectory: resolve(context.cwd, options.stateDirectory ?? '.millrace/state/sandbox'),
      ...(flags.seed === undefined ? {} : { seed: numberFlag('--seed', flags.seed, 0) }),
      onProblem: (where, error) => context.terminal.problem(`${where}: ${error.message}`),
    };
  } catch (error) {
    if (error instanceof BehaviourError) {
      throw new CliError('usage', 'ERR_BEHAVIOUR', 'The behaviour file is wrong.', {
        details: error.problems,
        cause: error,
      });
    }
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT')
      throw new CliError('usage', 'ERR_FILE', `${flags.behaviour ?? 'The behaviour file'} cannot be read.`, {
        cause: error,
      });
    throw error;
  }
}

async function start(options: SandboxOptions): Promise<Sandbox> {
  try {
    return await startSandbox(options);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error)) throw error;
    const where =
      'port' in error ? ` ${'address' in error ? `${String(error.address)}:` : ''}${String(error.port)}` : '';
    if (error.code === 'EADDRINUSE') {
      throw new CliError('failed', 'EADDRINUSE', `The sandbox cannot listen:${where} is in use.`, {
        hint: 'Another sandbox runs, perhaps that of npm start. Give other ports: --smtp-port 0 --dns-port 0 --http-port 0 takes free ones.',
        cause: error,
      });
    }
    if (error.code === 'EACCES') {
      throw new CliError('failed', 'EACCES', `The sandbox may not listen on${where}.`, {
        hint: 'Ports below 1024 need the right to bind them.',
        cause: error,
      });
    }
    if (error.code === 'EADDRNOTAVAIL') {
      throw new CliError('failed', 'EADDRNOTAVAIL', `This machine has no address${where}.`, {
        hint: 'The sandbox listens on 127.0.1.x and 127.0.2.x. On macOS give lo0 these addresses (ifconfig lo0 alias).',
        cause: error,
      });
    }
    throw error;
  }
}

function show({ terminal, json }: CommandContext, running: Sandbox): void {
  const isps = ispDefinitions.map((isp) => ({
    name: isp.name,
    domains: Object.keys(isp.domains),
    hosts: isp.hosts,
  }));
  if (json) {
    terminal.line(
      JSON.stringify({
        http: running.url,
        dns: running.dnsServer,
        smtp_port: running.smtpPort,
        ca_file: running.caFile ?? null,
        isps,
      }),
    );
    return;
  }
  terminal.line(`${terminal.paint('bold', 'The sandbox ISPs are up.')} Ctrl-C stops them.`);
  terminal.line();
  terminal.line(`  mails that arrive   ${running.url}`);
  terminal.line(`  DNS server          ${running.dnsServer}   point your sender's resolver at it`);
  terminal.line(`  SMTP port           ${running.smtpPort}   on the address of each MX host`);
  if (running.caFile !== undefined) terminal.line(`  test authority      ${running.caFile}`);
  terminal.line();
  const named = isps.filter(({ name }) => !name.startsWith('tail-'));
  const rows = [
    ...named.map(({ name, domains, hosts }) => [name, first(domains, 4), hosts[0]?.address ?? '']),
    ['tail', 'tail-01.test to tail-50.test', '127.0.2.1 to 127.0.2.50'],
  ];
  terminal.line(tableOf(terminal, ['ISP', 'DOMAINS', 'ADDRESS'], rows));
  terminal.line();
  terminal.line('Recipients that behave, at every domain:');
  terminal.line(
    tableOf(
      terminal,
      ['LOCAL PART', 'WHAT HAPPENS'],
      Object.entries(magicWords).map(([word, what]) => [`${word}@, ${word}+anything@`, what]),
    ),
  );
}

const first = (texts: readonly string[], count: number): string =>
  texts.length > count ? `${texts.slice(0, count).join(', ')}, ...` : texts.join(', ');
