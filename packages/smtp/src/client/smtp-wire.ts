import { connect, type OnReadOpts, type Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { type EgressProxy, nameOfProxy } from '../proxy/egress-proxy.ts';
import { passProxy } from '../proxy/pass-proxy.ts';
import { ProxyRefusal } from '../proxy/socks-tunnel.ts';
import { PhaseClock } from './phase-clock.ts';
import { ReplyParser } from './reply-parser.ts';
import { SmtpError, type SmtpPhase } from './smtp-error.ts';
import type { SmtpReply } from './smtp-reply.ts';

/** Replies are short; the parser keeps what does not fit a piece. */
const readBytes = 4_096;

export interface WireOptions {
  readonly host: string;
  readonly address: string;
  readonly port: number;
  readonly localAddress: string | undefined;
  readonly proxy: EgressProxy | undefined;
  readonly connectMs: number;
  readonly signal: AbortSignal | undefined;
}

export interface WireListener {
  reply(reply: SmtpReply): void;
  /** Once: the connection is gone. */
  gone(error: SmtpError): void;
}

/**
 * The wire of one session: writes bytes, reads replies, and watches the time of the phase that it is in. Whatever goes
 * wrong ends it, with one error that its listener is told.
 */
export class SmtpWire implements WireListener {
  /** Where the session is, for the errors. */
  phase: SmtpPhase;
  #listener: WireListener = this;
  readonly #where: string;
  readonly #proxy: EgressProxy | undefined;
  /** Where the connection leaves from, as far as the proxy says. */
  #proxiedFrom: string | undefined;
  readonly #parser = new ReplyParser();
  readonly #clock = new PhaseClock(() => this.#expired());
  #socket: Socket;
  #error: SmtpError | undefined;
  #waiting:
    | { readonly resolve: (reply: SmtpReply) => void; readonly reject: (error: SmtpError) => void }
    | undefined;

  /** Rejects with SmtpError of phase `connect` or `proxy`. */
  static open(options: WireOptions): Promise<SmtpWire> {
    return new Promise((resolve, reject) => {
      const wire = new SmtpWire(options, resolve, reject);
      wire.#clock.until(performance.now() + options.connectMs);
    });
  }

  private constructor(
    options: WireOptions,
    opened: (wire: SmtpWire) => void,
    failed: (error: SmtpError) => void,
  ) {
    const { proxy } = options;
    const by = proxy === undefined ? '' : ` by ${nameOfProxy(proxy)}`;
    this.#where = `${options.host} (${options.address}:${options.port}${by})`;
    this.#proxy = proxy;
    this.phase = proxy === undefined ? 'connect' : 'proxy';
    const read = (chunk: Buffer): void => {
      if (this.#socket === socket) this.#read(chunk);
    };
    const socket = connect({
      host: proxy?.address ?? options.address,
      port: proxy?.port ?? options.port,
      ...(options.localAddress === undefined ? {} : { localAddress: options.localAddress }),
      noDelay: true,
      autoSelectFamily: false,
      // The library that speaks SOCKS reads in the usual way.
      ...(proxy?.kind === 'socks5' ? {} : { onread: oneBuffer(read) }),
    });
    this.#socket = socket;
    const abort = (): void =>
      this.fail(new SmtpError('ERR_SMTP_ABORTED', this.phase, `Connecting to ${this.#where} was given up`));
    this.#listener = {
      reply: () => this.fail(this.error('ERR_SMTP_PROTOCOL', 'spoke before the connection was there')),
      gone: (error) => {
        options.signal?.removeEventListener('abort', abort);
        failed(error);
      },
    };
    options.signal?.addEventListener('abort', abort, { once: true });
    if (options.signal?.aborted) process.nextTick(abort);
    const connected = (): void => {
      options.signal?.removeEventListener('abort', abort);
      this.#clock.rest();
      this.#listener = this;
      opened(this);
    };
    socket.once('connect', () => {
      if (proxy === undefined) return connected();
      passProxy(socket, proxy, options, options.connectMs).then(
        (from) => {
          if (this.#error !== undefined) return;
          this.#proxiedFrom = from;
          if (proxy.kind === 'socks5') socket.on('data', read);
          connected();
        },
        (error: unknown) => this.fail(this.#refusedByProxy(error)),
      );
    });
    this.#watch(socket);
  }

  get localAddress(): string {
    return this.#proxiedFrom ?? this.#socket.localAddress ?? '';
  }

  /** Hands the session to its listener. Throws SmtpError when it has ended meanwhile. */
  handOver(listener: WireListener): void {
    if (this.#error !== undefined) throw this.#error;
    this.#listener = listener;
    this.rest();
  }

  /** More has come than the reply that is being told. */
  get unread(): boolean {
    return this.#parser.pending;
  }

  /** A phase begins and may take so long, ms. */
  begin(phase: SmtpPhase, limitMs: number): void {
    this.phase = phase;
    this.#clock.until(performance.now() + limitMs);
  }

  /** As `begin`, up to a time of `performance.now()`. */
  beginUntil(phase: SmtpPhase, limitAt: number): void {
    this.phase = phase;
    this.#clock.until(limitAt);
  }

  /** Nothing is awaited from the server. */
  rest(): void {
    this.phase = 'idle';
    this.#clock.rest();
  }

  write(text: string, encoding: 'latin1' | 'utf8'): void {
    this.#socket.write(text, encoding);
  }

  /** `taken` is called when the network has the bytes; not at all where it does not take them. */
  writeBytes(bytes: Buffer, taken?: () => void): void {
    if (taken === undefined) this.#socket.write(bytes);
    else
      this.#socket.write(bytes, (error) => {
        if (error === undefined || error === null) taken();
      });
  }

  /** What is written until `uncork` goes out in one piece. */
  cork(): void {
    this.#socket.cork();
  }

  uncork(): void {
    this.#socket.uncork();
  }

  /** Writes a command, where one is given, and waits for its reply. Only before a listener is set. */
  ask(command: string | undefined, phase: SmtpPhase, limitMs: number): Promise<SmtpReply> {
    return new Promise((resolve, reject) => {
      if (this.#error !== undefined) return reject(this.#error);
      this.#waiting = { resolve, reject };
      this.begin(phase, limitMs);
      if (command !== undefined) this.write(command, 'utf8');
    });
  }

  /**
   * Hands the connection over to TLS. The server must have sent nothing behind its 220: bytes that were in the clear
   * would be read as if they had been protected (CVE-2011-0411).
   */
  secure(handshake: (plain: Socket) => TLSSocket): Promise<TLSSocket> {
    return new Promise((resolve, reject) => {
      if (this.#error !== undefined) return reject(this.#error);
      if (this.#parser.pending) {
        const error = this.error(
          'ERR_SMTP_PROTOCOL',
          'sent bytes in the clear behind its answer to STARTTLS',
        );
        this.fail(error);
        return reject(error);
      }
      const secure = handshake(this.#socket);
      this.#socket = secure;
      this.#waiting = { resolve: () => undefined, reject };
      secure.once('secureConnect', () => {
        this.#waiting = undefined;
        resolve(secure);
      });
      secure.on('data', (chunk: Buffer) => this.#read(chunk));
      this.#watch(secure);
    });
  }

  /** The error of a session that ended here. */
  error(code: SmtpError['code'], what: string, cause?: unknown): SmtpError {
    return new SmtpError(code, this.phase, `${this.#where} ${what}`, { cause });
  }

  /** The error of a session that a reply ended. */
  refusal(code: SmtpError['code'], what: string, reply: SmtpReply): SmtpError {
    const said = `${this.#where} ${what} ${reply.code} ${reply.text}`;
    return new SmtpError(code, this.phase, said, { reply });
  }

  /** Ends the session: the socket is closed, and whoever waits is told. Only the first error counts. */
  fail(error: SmtpError): void {
    if (this.#error !== undefined) return;
    this.#error = error;
    this.#clock.stop();
    this.#socket.destroy();
    this.#listener.gone(error);
  }

  /** WireListener, while `ask` is used. */
  reply(reply: SmtpReply): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (waiting === undefined) this.fail(this.error('ERR_SMTP_PROTOCOL', 'answered without being asked'));
    else waiting.resolve(reply);
  }

  gone(error: SmtpError): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.reject(error);
  }

  #watch(socket: Socket): void {
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (this.#socket !== socket) return;
      if (this.phase === 'proxy') {
        this.fail(this.#proxyError(`cannot be reached: ${error.message}`, error));
      } else if (this.phase === 'connect') {
        this.fail(this.error('ERR_SMTP_CONNECT', `cannot be reached: ${error.message}`, error));
      } else if (this.phase === 'tls') {
        this.fail(this.error('ERR_SMTP_TLS', `failed in the TLS handshake: ${error.message}`, error));
      } else {
        this.fail(
          this.error('ERR_SMTP_CLOSED', `lost the connection: ${error.message}${this.#doubt()}`, error),
        );
      }
    });
    const closed = (): void => {
      if (this.#socket !== socket) return;
      if (this.phase === 'proxy') {
        this.fail(this.#proxyError('closed the connection'));
      } else {
        const code = this.phase === 'tls' ? 'ERR_SMTP_TLS' : 'ERR_SMTP_CLOSED';
        this.fail(this.error(code, `closed the connection ${describe(this.phase)}${this.#doubt()}`));
      }
    };
    socket.on('end', closed);
    socket.on('close', closed);
  }

  #read(chunk: Buffer): void {
    if (this.#error !== undefined) return;
    const parser = this.#parser;
    parser.push(chunk);
    try {
      for (;;) {
        const reply = parser.next();
        if (reply === undefined) return;
        this.#listener.reply(reply);
        if (this.#error !== undefined) return;
      }
    } catch (error) {
      this.fail(
        this.error('ERR_SMTP_PROTOCOL', error instanceof Error ? error.message : String(error), error),
      );
    }
  }

  /** An error of the proxy's own: it says nothing of the server. */
  #proxyError(what: string, cause?: unknown): SmtpError {
    const name = this.#proxy === undefined ? '' : nameOfProxy(this.#proxy);
    return new SmtpError('ERR_SMTP_PROXY', 'proxy', `${name} ${what}`, { cause });
  }

  /** Its own fault, or the server's. */
  #refusedByProxy(error: unknown): SmtpError {
    if (!(error instanceof ProxyRefusal)) return this.#proxyError(`cannot be used: ${String(error)}`, error);
    if (error.ofProxy) return this.#proxyError(`refuses: ${error.message}`);
    this.phase = 'connect';
    return this.error('ERR_SMTP_CONNECT', `cannot be reached: ${error.message}`);
  }

  /** A proxy that never answers hangs up when it cannot reach the server, as a server might that wants no mail. */
  #doubt(): string {
    return this.phase === 'greeting' && this.#proxy?.kind === 'proxy_v2'
      ? ', or the proxy did not reach it'
      : '';
  }

  #expired(): void {
    if (this.phase === 'proxy' && this.#socket.bytesRead === 0) {
      this.fail(this.#proxyError('took too long to answer'));
      return;
    }
    // A proxy that has spoken waits for the server.
    if (this.phase === 'proxy') this.phase = 'connect';
    const code = this.phase === 'connect' ? 'ERR_SMTP_CONNECT' : 'ERR_SMTP_TIMEOUT';
    this.fail(this.error(code, `took too long ${describe(this.phase)}`));
  }
}

/** One buffer for all reads instead of 64 KiB for each. */
function oneBuffer(read: (chunk: Buffer) => void): OnReadOpts {
  const buffer = Buffer.allocUnsafeSlow(readBytes);
  return {
    buffer,
    callback: (length) => {
      read(buffer.subarray(0, length));
      return true;
    },
  };
}

function describe(phase: SmtpPhase): string {
  switch (phase) {
    case 'proxy':
    case 'connect':
      return 'to be connected to';
    case 'greeting':
      return 'before its greeting';
    case 'tls':
      return 'in the TLS handshake';
    case 'idle':
      return 'while it was idle';
    case 'body':
      return 'while it took the mail';
    default:
      return `at ${phase.toUpperCase()}`;
  }
}
