/**
 * A private Postfix: its own configuration, queue, log and loopback port; the one that the system may run is not touched.
 * It relays (the benchmarks' peer) or takes mail into a mailbox directory (the conformance tests).
 */
import { execFile } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  cpSync,
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
import { freePorts } from '../../infra/stack/ports.ts';
import { UserError } from '../../infra/stack/user-error.ts';
import { accepts } from './accepts.ts';
import { onPath } from './on-path.ts';

const run = promisify(execFile);

export interface PostfixOptions {
  /** `address:port` that mail for a domain is relayed to, by domain. */
  readonly routes?: Readonly<Record<string, string>>;
  /** Domains whose mail it keeps, each message as a file in `mailDirectory`. */
  readonly mailboxDomains?: readonly string[];
  /** Certificate and key for STARTTLS, PEM. */
  readonly tls?: { readonly cert: string; readonly key: string };
  /** main.cf parameters besides ours, or in place of them. */
  readonly parameters?: Readonly<Record<string, string>>;
  /** Loopback address to listen on. Default 127.0.0.1. */
  readonly host?: string;
  /** Default: a free one. */
  readonly port?: number;
}

export interface PrivatePostfix {
  readonly host: string;
  readonly port: number;
  /** Of its master process. */
  readonly pid: number;
  /** Maildir of every mailbox domain. */
  readonly mailDirectory: string;
  log(): string;
  stop(): Promise<void>;
}

/** Why it cannot be started here; undefined when it can. */
export function postfixMissing(): string | undefined {
  if (onPath('postfix') === undefined) return 'postfix is not on the PATH (Debian: apt install postfix)';
  if (process.getuid?.() !== 0) return 'postfix can only be started by root';
  return undefined;
}

/** Starts it; resolves when it listens. Throws a UserError when it is not there or does not start. */
export async function startPostfix(options: PostfixOptions): Promise<PrivatePostfix> {
  const missing = postfixMissing();
  if (missing !== undefined) throw new UserError('ERR_POSTFIX', `No Postfix: ${missing}.`);
  const postfix = onPath('postfix') ?? 'postfix';
  const directory = mkdtempSync(join(tmpdir(), 'millrace-postfix-'));
  // Its daemons run as other users and must be able to walk in.
  chmodSync(directory, 0o755);
  const host = options.host ?? '127.0.0.1';
  const [free = 0] = await freePorts(1, [host]);
  const port = options.port ?? free;
  const config = join(directory, 'config');
  const mailDirectory = join(directory, 'mail');
  const logFile = join(directory, 'postfix.log');
  const owner = await idsOf('postfix');
  for (const [path, mine] of [
    [config, false],
    [join(directory, 'queue'), false],
    [join(directory, 'data'), true],
    [mailDirectory, true],
  ] as const) {
    mkdirSync(path);
    if (mine) chownSync(path, owner.uid, owner.gid);
  }
  writeFileSync(join(config, 'main.cf'), mainCf(options, { directory, owner, logFile }));
  writeFileSync(join(config, 'master.cf'), masterCf(host, port));
  if (options.routes) writeFileSync(join(config, 'transport'), transportsOf(options.routes));
  if (options.tls) {
    writeFileSync(join(config, 'cert.pem'), options.tls.cert);
    writeFileSync(join(config, 'key.pem'), options.tls.key, { mode: 0o600 });
  }
  // The list of files that `postfix start` checks and completes the queue with.
  for (const name of ['postfix-files', 'dynamicmaps.cf'])
    if (existsSync(join('/etc/postfix', name))) cpSync(join('/etc/postfix', name), join(config, name));

  const control = (command: string) => run(postfix, ['-c', config, command]);
  const log = (): string => (existsSync(logFile) ? readFileSync(logFile, 'utf8') : '');
  const stop = async (): Promise<void> => {
    await control('abort').catch((error: unknown) => {
      // It may be gone already; what matters is that nothing holds its directory.
      if (!String(error).includes('not running')) throw error;
    });
    rmSync(directory, { recursive: true, force: true });
  };
  try {
    await control('start');
  } catch (error) {
    const words = log().slice(-500);
    rmSync(directory, { recursive: true, force: true });
    throw new UserError('ERR_POSTFIX', `Postfix did not start: ${String(error)} ${words}`, { cause: error });
  }
  for (let tries = 0; !(await accepts(host, port)); tries += 1) {
    if (tries === 100) {
      const words = log().slice(-500);
      await stop();
      throw new UserError('ERR_POSTFIX', `Postfix does not listen: ${words}`);
    }
    await sleep(100);
  }
  const pid = Number(readFileSync(join(directory, 'queue', 'pid', 'master.pid'), 'utf8').trim());
  return { host, port, pid, mailDirectory, log, stop };
}

interface Ids {
  readonly uid: number;
  readonly gid: number;
}

async function idsOf(user: string): Promise<Ids> {
  const idOf = async (flag: string): Promise<number> => Number((await run('id', [flag, user])).stdout);
  return { uid: await idOf('-u'), gid: await idOf('-g') };
}

interface Place {
  readonly directory: string;
  readonly owner: Ids;
  readonly logFile: string;
}

function mainCf(options: PostfixOptions, { directory, owner, logFile }: Place): string {
  const config = join(directory, 'config');
  const parameters: Record<string, string> = {
    compatibility_level: '3.6',
    queue_directory: join(directory, 'queue'),
    data_directory: join(directory, 'data'),
    maillog_file: logFile,
    maillog_file_prefixes: tmpdir(),
    myhostname: 'peer.millrace.test',
    // What it listens on is in master.cf: any loopback address, also one that no interface lists.
    inet_interfaces: '127.0.0.1',
    inet_protocols: 'ipv4',
    mydestination: '',
    mynetworks: '127.0.0.0/8',
    smtpd_relay_restrictions: 'permit_mynetworks, reject',
    smtpd_recipient_restrictions: 'permit_mynetworks, reject',
    alias_maps: '',
    alias_database: '',
    local_recipient_maps: '',
    smtp_dns_support_level: 'disabled',
    smtp_host_lookup: 'native',
    smtp_bind_address: '127.0.0.1',
    smtp_tls_security_level: 'none',
    message_size_limit: '52428800',
    mailbox_size_limit: '0',
    virtual_mailbox_limit: '0',
    // Tests send many mails in a short time.
    smtpd_client_connection_count_limit: '0',
    smtpd_client_connection_rate_limit: '0',
    // Rates are not what is compared.
    default_destination_concurrency_limit: '50',
    ...(options.routes ? { transport_maps: `texthash:${join(config, 'transport')}` } : {}),
    ...(options.mailboxDomains
      ? {
          virtual_mailbox_domains: options.mailboxDomains.join(', '),
          virtual_mailbox_base: join(directory, 'mail'),
          virtual_mailbox_maps: 'static:box/',
          virtual_uid_maps: `static:${owner.uid}`,
          virtual_gid_maps: `static:${owner.gid}`,
          virtual_minimum_uid: '1',
        }
      : {}),
    ...(options.tls
      ? {
          smtpd_tls_security_level: 'may',
          smtpd_tls_cert_file: join(config, 'cert.pem'),
          smtpd_tls_key_file: join(config, 'key.pem'),
        }
      : {}),
    ...options.parameters,
  };
  return `${Object.entries(parameters)
    .map(([key, value]) => `${key} = ${value}`)
    .join('\n')}\n`;
}

/** As Debian's, without chroot, and listening on one loopback address alone. */
const masterCf = (host: string, port: number): string => `
${host}:${port} inet n - n - - smtpd
cleanup   unix  n - n -     0 cleanup
qmgr      unix  n - n 300   1 qmgr
rewrite   unix  - - n -     - trivial-rewrite
bounce    unix  - - n -     0 bounce
defer     unix  - - n -     0 bounce
trace     unix  - - n -     0 bounce
verify    unix  - - n -     1 verify
flush     unix  n - n 1000? 0 flush
proxymap  unix  - - n -     - proxymap
smtp      unix  - - n -     - smtp
relay     unix  - - n -     - smtp
error     unix  - - n -     - error
retry     unix  - - n -     - error
discard   unix  - - n -     - discard
virtual   unix  - n n -     - virtual
anvil     unix  - - n -     1 anvil
scache    unix  - - n -     1 scache
tlsmgr    unix  - - n 1000? 1 tlsmgr
postlog   unix-dgram n - n - 1 postlogd
`;

const transportsOf = (routes: Readonly<Record<string, string>>): string =>
  Object.entries(routes)
    .map(([domain, target]) => {
      const colon = target.lastIndexOf(':');
      return `${domain} smtp:[${target.slice(0, colon)}]:${target.slice(colon + 1)}\n`;
    })
    .join('');
