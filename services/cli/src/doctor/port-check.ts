/** Whether mail servers can be reached from here: most clouds close port 25 to the outside. */
import { connect } from 'node:net';
import { hostname } from 'node:os';
import type { Config, SourceConfig } from '@millrace/service';
import { isLoopback } from '@millrace/smtp';
import { type Finding, failed, ok, skipped } from './finding.ts';
import { greetThrough, type Through } from './proxied-greeting.ts';

const limitMs = 10_000;

/** A server to be greeted by. */
export interface Target {
  readonly host: string;
  readonly address: string;
  readonly port: number;
  readonly localAddress?: string;
  /** Connects in our place, from `localAddress` where it is told from which. */
  readonly through?: Through;
}

export type Greeting =
  | { readonly kind: 'greeted'; readonly line: string }
  | { readonly kind: 'failed'; readonly reason: string };

/** Connects and waits for the first line of the greeting (RFC 5321 3.1). */
export function greet(target: Target, timeoutMs = limitMs): Promise<Greeting> {
  if (target.through !== undefined) return greetThrough(target, target.through, timeoutMs);
  return new Promise((resolve) => {
    const socket = connect({
      host: target.address,
      port: target.port,
      ...(target.localAddress === undefined ? {} : { localAddress: target.localAddress }),
    });
    let text = '';
    const end = (greeting: Greeting): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(greeting);
    };
    const timer = setTimeout(
      () => end({ kind: 'failed', reason: `no answer within ${timeoutMs / 1_000} s` }),
      timeoutMs,
    );
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1');
      const line = /^(.*?)\r?\n/.exec(text)?.[1];
      if (line !== undefined) {
        socket.write('QUIT\r\n');
        end({ kind: 'greeted', line });
      } else if (text.length > 4_096) end({ kind: 'failed', reason: 'it does not speak SMTP' });
    });
    socket.on('error', (error) => end({ kind: 'failed', reason: error.message }));
    socket.on('close', () => end({ kind: 'failed', reason: 'the connection was closed' }));
  });
}

/** One finding a source: its relay, or the known provider from the source's address. */
export async function checkPorts(
  config: Config,
  mx: { readonly host?: string; readonly addresses: readonly string[] },
  ask: (target: Target) => Promise<Greeting> = greet,
): Promise<readonly Finding[]> {
  const { port } = config.delivery;
  const sources = Object.entries(config.sources);
  const relays = sources.flatMap(([name, { relay }]) =>
    relay === undefined
      ? []
      : [{ name: `relay ${name}`, host: relay.host, address: relay.host, port: relay.port }],
  );
  const direct = sources.filter(([, source]) => source.relay === undefined);
  const senders = direct.length === 0 && relays.length === 0 ? [['', {}] as const] : direct;
  const relayed = relays.map(({ name, ...target }) => oneFinding(name, target, ask));
  if (senders.length === 0) return Promise.all(relayed);
  const [address] = mx.addresses;
  if (mx.host === undefined || address === undefined)
    return [
      ...(await Promise.all(relayed)),
      skipped(`port ${port}`, 'without DNS no mail server can be tried'),
    ];
  const { host } = mx;
  if (config.delivery.loopback_only && !isLoopback(address)) {
    return [
      ...(await Promise.all(relayed)),
      failed(
        `port ${port}`,
        `${host} is ${address}, and delivery.loopback_only refuses what is not loopback`,
        'Point router.dns_servers at the sandbox, or switch delivery.loopback_only off to send for real.',
      ),
    ];
  }
  const directly = senders.map(([name, source]) =>
    oneFinding(
      `port ${port}`,
      {
        host,
        address,
        port,
        ...wayOut(source, config.delivery.loopback_only),
      },
      ask,
      name,
    ),
  );
  return merged(await Promise.all([...relayed, ...directly]));
}

/** From which address, and through which proxy, a source connects. */
function wayOut({ address, proxy, ehlo }: SourceConfig, loopbackOnly: boolean): Partial<Target> {
  return {
    ...(address === undefined ? {} : { localAddress: address }),
    ...(proxy === undefined ? {} : { through: { proxy, loopbackOnly, ehloName: ehlo ?? hostname() } }),
  };
}

async function oneFinding(
  check: string,
  target: Target,
  ask: (target: Target) => Promise<Greeting>,
  source = '',
): Promise<Finding> {
  const from =
    source === '' ? '' : ` from ${source}${target.localAddress ? ` (${target.localAddress})` : ''}`;
  const to = `${target.host}:${target.port}`;
  const greeting = await ask(target);
  if (greeting.kind === 'failed') {
    return failed(
      check,
      `${to} cannot be reached${from}: ${greeting.reason}`,
      target.port === 25
        ? 'Most clouds close port 25: ask the provider to open it, or send through a source with a relay.'
        : 'Check that it runs, and that no firewall is between.',
    );
  }
  if (!greeting.line.startsWith('220')) {
    return failed(
      check,
      `${to} does not welcome us${from}: ${greeting.line}`,
      'Its text says why; a block list is the usual reason.',
    );
  }
  return ok(check, `${to} answers${from}: ${greeting.line}`);
}

/** Many sources that all succeed are one line. */
function merged(findings: readonly Finding[]): readonly Finding[] {
  const good = findings.filter(({ status }) => status === 'ok');
  const [one] = good;
  if (one === undefined || good.length < 3) return findings;
  return [
    ok(one.check, `${one.what.replace(/ from .*?:(?= )/, '')} (from each of ${good.length} sources)`),
    ...findings.filter(({ status }) => status !== 'ok'),
  ];
}
