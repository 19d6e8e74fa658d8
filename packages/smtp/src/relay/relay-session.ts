import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { Readable } from 'node:stream';
import type SMTPConnection from 'nodemailer/lib/smtp-connection';
import { isLoopback } from '../client/loopback.ts';
import { mailCommands } from '../client/mail-commands.ts';
import { noCapabilities, parseCapabilities, type SmtpCapabilities } from '../client/smtp-capabilities.ts';
import { SmtpError } from '../client/smtp-error.ts';
import type { SendHooks, SendResult, SmtpMail } from '../client/smtp-mail.ts';
import { replyOf } from '../client/smtp-reply.ts';
import { parseReply, relayError } from './relay-error.ts';
import type { RelayOptions } from './relay-options.ts';

/** RFC 5321 4.5.3.2.6: the longest that any answer may take, ms. */
const answerMs = 600_000;
const connectMs = 30_000;
const greetingMs = 300_000;

/** One connection to a relay, over nodemailer's. */
export class RelaySession {
  readonly #where: string;
  readonly #connection: SMTPConnection;
  readonly #capabilities: SmtpCapabilities;
  #usable = true;

  /** Connects and logs in. Rejects with SmtpError. */
  static async open(options: RelayOptions): Promise<RelaySession> {
    const where = `${options.host}:${options.port}`;
    const address = options.loopbackOnly ? await loopbackAddress(options) : options.host;
    // Only who has a relay pays for the library: 20 MB of memory.
    const { default: Connection } = await import('nodemailer/lib/smtp-connection');
    const connection = new Connection({
      host: address,
      port: options.port,
      ...(isIP(options.host) === 0 ? { servername: options.host } : {}),
      name: options.ehloName,
      ...(options.localAddress === undefined ? {} : { localAddress: options.localAddress }),
      secure: options.tls === 'implicit',
      requireTLS: options.tls === 'required',
      opportunisticTLS: options.tls === 'opportunistic',
      ignoreTLS: options.tls === 'disabled',
      connectionTimeout: connectMs,
      greetingTimeout: greetingMs,
      socketTimeout: answerMs,
      tls: {
        minVersion: 'TLSv1.2',
        rejectUnauthorized: options.tls !== 'opportunistic',
        ...(options.ca === undefined ? {} : { ca: options.ca }),
      },
    });
    await new Promise<void>((resolve, reject) => {
      const fail = (error: Error): void => {
        connection.close();
        reject(relayError(where, error));
      };
      connection.once('error', fail);
      connection.connect((error) => {
        connection.off('error', fail);
        if (error) fail(error);
        else resolve();
      });
    });
    const ehlo = parseReply(connection.lastServerResponse || undefined);
    const capabilities = ehlo === undefined ? noCapabilities : parseCapabilities(ehlo);
    const session = new RelaySession(where, connection, capabilities);
    await session.#login(options);
    return session;
  }

  private constructor(where: string, connection: SMTPConnection, capabilities: SmtpCapabilities) {
    this.#where = where;
    this.#connection = connection;
    this.#capabilities = capabilities;
    // Each call gets its own error; this one is for those between calls.
    connection.on('error', () => {
      this.#usable = false;
    });
    connection.on('end', () => {
      this.#usable = false;
    });
  }

  get usable(): boolean {
    return this.#usable;
  }

  /** Never rejects but with TypeError for impossible addresses. */
  async send(mail: SmtpMail, hooks: SendHooks | undefined): Promise<SendResult> {
    const commands = mailCommands(mail, this.#capabilities);
    if ('kind' in commands) return commands;
    const progress = { dotSent: false, withheld: false };
    const permission = permissionOf(hooks);
    // It may reject before anybody reads the content, or when nobody ever will.
    permission.catch(() => undefined);
    const content = Readable.from(this.#content(mail.data, permission, progress), { objectMode: false });
    const envelope = {
      from: mail.mailFrom,
      to: mail.rcptTo,
      size: mail.sizeBytes ?? mail.data.length,
      use8BitMime: mail.eightBit,
    };
    const result = await new Promise<SendResult>((resolve) => {
      const late =
        mail.deadlineMs === undefined
          ? undefined
          : setTimeout(() => {
              const error = this.#error('ERR_SMTP_TIMEOUT', 'the mail took too long');
              this.close();
              resolve({ kind: 'failed', phase: 'body', error, dotSent: progress.dotSent });
            }, mail.deadlineMs);
      this.#connection.send(envelope, content, (error, info) => {
        clearTimeout(late);
        if (error) resolve(this.#failure(error, progress));
        else resolve({ kind: 'delivered', reply: parseReply(info?.response) ?? replyOf(250, ['']) });
      });
    });
    // A mail that was refused before its content was taken leaves nobody who reads it.
    content.destroy();
    if (result.kind === 'failed') this.close();
    else if (result.kind === 'refused') await this.#reset(result.reply.code);
    return result;
  }

  /** Says QUIT and closes. */
  quit(): void {
    if (this.#usable) this.#connection.quit();
    this.#usable = false;
  }

  close(): void {
    this.#usable = false;
    this.#connection.close();
  }

  // Read after the 354. Its end is what makes nodemailer send the final dot.
  async *#content(
    data: Buffer,
    permission: Promise<void>,
    progress: { dotSent: boolean; withheld: boolean },
  ): AsyncGenerator<Buffer> {
    try {
      await permission;
    } catch (error) {
      progress.withheld = true;
      throw error;
    }
    yield data;
    progress.dotSent = true;
  }

  #failure(cause: Error, progress: { readonly dotSent: boolean; readonly withheld: boolean }): SendResult {
    if (progress.withheld) {
      const error = this.#error('ERR_SMTP_WITHHELD', 'beforeDot failed', cause);
      return { kind: 'failed', phase: 'data', error, dotSent: false };
    }
    const error = relayError(this.#where, cause);
    const { phase, reply } = error;
    const asked = phase === 'mail' || phase === 'rcpt' || phase === 'data' || phase === 'body';
    if (reply !== undefined && reply.code >= 400) {
      return {
        kind: 'refused',
        phase: asked ? phase : progress.dotSent ? 'body' : 'mail',
        reply,
        local: false,
      };
    }
    return { kind: 'failed', phase: progress.dotSent ? 'body' : phase, error, dotSent: progress.dotSent };
  }

  #reset(code: number): Promise<void> {
    if (code === 421) this.close();
    if (!this.#usable) return Promise.resolve();
    return new Promise((resolve) => {
      const lost = (): void => resolve();
      this.#connection.once('end', lost);
      this.#connection.reset((error) => {
        this.#connection.off('end', lost);
        if (error) this.close();
        resolve();
      });
    });
  }

  // A password is never said in the clear because somebody cut STARTTLS out of a server's words.
  #login({ username, password, tls, host }: RelayOptions): Promise<void> {
    if (username === undefined) return Promise.resolve();
    if (tls === 'opportunistic' && !this.#connection.secure && !isLoopback(host)) {
      const error = this.#error('ERR_SMTP_AUTH', 'without TLS the password is not sent (set tls: required)');
      this.close();
      return Promise.reject(error);
    }
    return new Promise((resolve, reject) => {
      const fail = (error: Error): void => {
        this.close();
        reject(relayError(this.#where, error));
      };
      this.#connection.once('error', fail);
      this.#connection.login({ user: username, pass: password ?? '' }, (error) => {
        this.#connection.off('error', fail);
        if (error) fail(error);
        else resolve();
      });
    });
  }

  #error(code: SmtpError['code'], what: string, cause?: unknown): SmtpError {
    const phase = code === 'ERR_SMTP_AUTH' ? 'auth' : 'body';
    return new SmtpError(code, phase, `Relay ${this.#where}: ${what}`, { cause });
  }
}

function permissionOf(hooks: SendHooks | undefined): Promise<void> {
  try {
    return Promise.resolve(hooks?.beforeDot?.());
  } catch (error) {
    return Promise.reject(error);
  }
}

async function loopbackAddress({ host, port }: RelayOptions): Promise<string> {
  let addresses: readonly string[];
  try {
    addresses = (await lookup(host, { all: true })).map(({ address }) => address);
  } catch (cause) {
    throw new SmtpError('ERR_SMTP_CONNECT', 'connect', `Relay ${host}:${port} has no address`, { cause });
  }
  const [address] = addresses;
  if (address !== undefined && addresses.every(isLoopback)) return address;
  throw new SmtpError(
    'ERR_SMTP_NOT_LOOPBACK',
    'connect',
    `Relay ${host}:${port} is not on this machine, and only loopback addresses are allowed`,
  );
}
