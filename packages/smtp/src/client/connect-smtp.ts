import { isIP } from 'node:net';
import { nameOfProxy } from '../proxy/egress-proxy.ts';
import { isLoopback } from './loopback.ts';
import { noCapabilities, parseCapabilities, type SmtpCapabilities } from './smtp-capabilities.ts';
import { SmtpError, type SmtpPhase } from './smtp-error.ts';
import type { SmtpOptions, TlsPolicy } from './smtp-options.ts';
import type { SmtpReply } from './smtp-reply.ts';
import type { SmtpConnection } from './smtp-session.ts';
import { defaultSmtpTimeouts, type SmtpTimeouts } from './smtp-timeouts.ts';
import { SmtpWire } from './smtp-wire.ts';
import type { TlsFacts } from './tls-facts.ts';
import { factsOf, startHandshake } from './tls-sessions.ts';
import { WiredConnection } from './wired-connection.ts';

interface Hello {
  readonly greeting: string;
  readonly capabilities: SmtpCapabilities;
  readonly tls: TlsFacts | null;
  readonly tlsFailure: string | null;
}

/**
 * Opens a session: TCP (through a proxy where one is given), greeting, EHLO, STARTTLS as the policy says, EHLO again. A server without EHLO is greeted by HELO.
 * With `opportunistic`, a server whose TLS breaks is connected to once more, in the clear.
 * Rejects with SmtpError (`phase` says how far it came), and with TypeError for an address or name that is none.
 */
export async function connectSmtp(options: SmtpOptions): Promise<SmtpConnection> {
  checkOptions(options);
  const timeouts: SmtpTimeouts = { ...defaultSmtpTimeouts, ...options.timeouts };
  try {
    return await open(options, timeouts, options.tls, null);
  } catch (error) {
    const brokenTls = error instanceof SmtpError && error.code === 'ERR_SMTP_TLS';
    if (!brokenTls || options.tls !== 'opportunistic' || options.signal?.aborted) throw error;
    return await open(options, timeouts, 'disabled', error.message);
  }
}

function checkOptions(options: SmtpOptions): void {
  if (isIP(options.address) === 0) throw new TypeError(`${options.address} is no IP address to connect to`);
  if (!/^[\x21-\x7e]+$/.test(options.ehloName)) {
    throw new TypeError(`${JSON.stringify(options.ehloName)} cannot be said in EHLO`);
  }
  const { proxy } = options;
  if (options.loopbackOnly && !isLoopback(options.address)) {
    throw notLoopback('connect', `${options.host} (${options.address})`);
  }
  if (proxy === undefined) return;
  if (isIP(proxy.address) === 0) throw new TypeError(`${proxy.address} is no IP address of a proxy`);
  if (options.localAddress !== undefined) {
    throw new TypeError('What goes through a proxy leaves from its address, not from localAddress');
  }
  if (options.loopbackOnly && !isLoopback(proxy.address)) throw notLoopback('proxy', nameOfProxy(proxy));
}

const notLoopback = (phase: SmtpPhase, what: string): SmtpError =>
  new SmtpError(
    'ERR_SMTP_NOT_LOOPBACK',
    phase,
    `${what} is not on this machine, and only loopback addresses are allowed`,
  );

async function open(
  options: SmtpOptions,
  timeouts: SmtpTimeouts,
  policy: TlsPolicy,
  tlsFailure: string | null,
): Promise<SmtpConnection> {
  const { signal } = options;
  const wire = await SmtpWire.open({
    host: options.host,
    address: options.address,
    port: options.port,
    localAddress: options.localAddress,
    proxy: options.proxy,
    connectMs: timeouts.connectMs,
    signal,
  });
  const abort = (): void => wire.fail(wire.error('ERR_SMTP_ABORTED', 'was given up'));
  signal?.addEventListener('abort', abort, { once: true });
  try {
    const hello = await greet(wire, options, timeouts, policy);
    const facts = {
      host: options.host,
      remoteAddress: options.address,
      remotePort: options.port,
      localAddress: wire.localAddress,
      ...hello,
      tlsFailure: tlsFailure ?? hello.tlsFailure,
    };
    return new WiredConnection(wire, facts, timeouts, options.pipelining ?? true);
  } catch (error) {
    if (error instanceof SmtpError) wire.fail(error);
    throw error;
  } finally {
    signal?.removeEventListener('abort', abort);
  }
}

async function greet(
  wire: SmtpWire,
  options: SmtpOptions,
  timeouts: SmtpTimeouts,
  policy: TlsPolicy,
): Promise<Hello> {
  const greeting = await wire.ask(undefined, 'greeting', timeouts.greetingMs);
  if (greeting.code !== 220) throw refusal(wire, greeting);
  const plain = await ehlo(wire, options.ehloName, timeouts);
  const inTheClear = { greeting: greeting.text, capabilities: plain, tls: null };
  if (policy === 'disabled') return { ...inTheClear, tlsFailure: null };
  if (!plain.startTls) {
    wire.phase = 'tls';
    if (policy === 'required') throw wire.error('ERR_SMTP_TLS_REQUIRED', 'does not offer STARTTLS');
    return { ...inTheClear, tlsFailure: null };
  }
  const go = await wire.ask('STARTTLS\r\n', 'tls', timeouts.tlsMs);
  if (go.code !== 220) {
    if (policy === 'required' || go.code === 421) throw refusal(wire, go);
    return { ...inTheClear, tlsFailure: `STARTTLS: ${go.code} ${go.text}` };
  }
  const peer = { host: options.host, address: options.address, port: options.port, ca: options.ca };
  const secure = await wire.secure((socket) => startHandshake(socket, peer));
  const tls = factsOf(secure, peer);
  if (options.verify && policy === 'required' && !tls.verified) {
    throw wire.error('ERR_SMTP_TLS', `has a certificate that does not verify: ${tls.verifyError}`);
  }
  // Whatever was said before in the clear is forgotten, RFC 3207 4.2.
  return {
    greeting: greeting.text,
    capabilities: await ehlo(wire, options.ehloName, timeouts),
    tls,
    tlsFailure: null,
  };
}

async function ehlo(wire: SmtpWire, name: string, timeouts: SmtpTimeouts): Promise<SmtpCapabilities> {
  const reply = await wire.ask(`EHLO ${name}\r\n`, 'ehlo', timeouts.ehloMs);
  if (reply.code === 250) return parseCapabilities(reply);
  // RFC 5321 3.2 and 4.1.4: a server that does not know the command.
  if (reply.code < 500 || reply.code > 504) throw refusal(wire, reply);
  const simple = await wire.ask(`HELO ${name}\r\n`, 'ehlo', timeouts.ehloMs);
  if (simple.code !== 250) throw refusal(wire, simple);
  return noCapabilities;
}

function refusal(wire: SmtpWire, reply: SmtpReply): SmtpError {
  return wire.refusal('ERR_SMTP_REFUSED', 'answered', reply);
}
