/** A private Exim: its own configuration, spool, log and loopback port. It keeps what it takes in a Maildir. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { UserError } from '../../infra/stack/user-error.ts';
import { accepts } from './accepts.ts';
import { onPath } from './on-path.ts';

const run = promisify(execFile);
const user = 'Debian-exim';

export interface EximOptions {
  /** Domains whose mail it keeps. */
  readonly mailboxDomains: readonly string[];
  /** Certificate and key for STARTTLS, PEM. */
  readonly tls: { readonly cert: string; readonly key: string };
  /** Loopback address and port to listen on. */
  readonly host: string;
  readonly port: number;
}

export interface PrivateExim {
  readonly mailDirectory: string;
  log(): string;
  stop(): Promise<void>;
}

/** Why it cannot be started here; undefined when it can. */
export function eximMissing(): string | undefined {
  if (onPath('exim4') === undefined)
    return 'exim4 is not on the PATH (Debian: apt install exim4-daemon-light)';
  if (process.getuid?.() !== 0) return 'exim4 can only be started by root';
  return undefined;
}

/** Starts it; resolves when it listens. Throws a UserError when it does not. */
export async function startExim(options: EximOptions): Promise<PrivateExim> {
  const exim = onPath('exim4') ?? 'exim4';
  const directory = mkdtempSync(join(tmpdir(), 'millrace-exim-'));
  chmodSync(directory, 0o755);
  const ids = await Promise.all(
    ['-u', '-g'].map(async (flag) => Number((await run('id', [flag, user])).stdout)),
  );
  const [uid = 0, gid = 0] = ids;
  const mailDirectory = join(directory, 'mail');
  for (const path of [join(directory, 'spool'), join(directory, 'log'), mailDirectory]) {
    mkdirSync(path);
    chownSync(path, uid, gid);
  }
  for (const [name, content] of [
    ['cert.pem', options.tls.cert],
    ['key.pem', options.tls.key],
  ] as const) {
    writeFileSync(join(directory, name), content, { mode: 0o640 });
    chownSync(join(directory, name), 0, gid);
  }
  const config = join(directory, 'exim.conf');
  writeFileSync(config, configOf(options, directory), { mode: 0o644 });
  const child = spawn(
    exim,
    ['-C', config, '-bdf', '-oX', `[${options.host}]:${options.port}`, '-oP', '/dev/null'],
    {
      stdio: ['ignore', 'ignore', 'pipe'],
      // A group of its own: each session is a process that outlives the daemon.
      detached: true,
    },
  );
  let said = '';
  child.stderr.on('data', (piece: Buffer) => {
    said += piece;
  });
  const ended = once(child, 'exit');
  const logFile = join(directory, 'log', 'mainlog');
  const log = (): string => said + (existsSync(logFile) ? readFileSync(logFile, 'utf8') : '');
  const stop = async (): Promise<void> => {
    if (child.exitCode === null && child.signalCode === null) {
      process.kill(-(child.pid ?? 0), 'SIGTERM');
      await ended;
    }
    rmSync(directory, { recursive: true, force: true });
  };
  for (let tries = 0; !(await accepts(options.host, options.port)); tries += 1) {
    if (tries === 100 || child.exitCode !== null) {
      const words = log().slice(-800);
      await stop();
      throw new UserError('ERR_EXIM', `Exim does not listen: ${words}`);
    }
    await sleep(100);
  }
  return { mailDirectory, log, stop };
}

const configOf = (options: EximOptions, directory: string): string => `
exim_user = ${user}
exim_group = ${user}
primary_hostname = exim.millrace.test
spool_directory = ${join(directory, 'spool')}
log_file_path = ${join(directory, 'log')}/%slog
domainlist local_domains = ${options.mailboxDomains.join(' : ')}
tls_advertise_hosts = *
tls_certificate = ${join(directory, 'cert.pem')}
tls_privatekey = ${join(directory, 'key.pem')}
smtputf8_advertise_hosts = *
pipelining_advertise_hosts = *
pipelining_connect_advertise_hosts = :
chunking_advertise_hosts =
host_lookup =
log_selector = +smtp_connection
rfc1413_query_timeout = 0s
keep_environment =
deliver_drop_privilege = true
never_users = root
acl_smtp_rcpt = check_recipient
acl_smtp_data = accept_data
message_size_limit = 20M
smtp_accept_max = 0

begin acl
check_recipient:
  deny message = No such user here
       local_parts = nobody
  accept domains = +local_domains
  deny message = Relaying denied
accept_data:
  accept

begin routers
mailbox:
  driver = accept
  domains = +local_domains
  transport = maildir

begin transports
maildir:
  driver = appendfile
  directory = ${join(directory, 'mail', 'box')}
  create_directory
  maildir_format
  envelope_to_add
  return_path_add
  user = ${user}
  group = ${user}
`;
