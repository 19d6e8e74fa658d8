/** Hands mails over by SMTP on some connections at once, with RFC 2920 pipelining: what applications and relays do. */
import { connect, type Socket } from 'node:net';
import { preciseNow } from '../sink.ts';
import type { Submitted } from './http-load.ts';

export interface SmtpTarget {
  readonly host: string;
  readonly port: number;
  /** AUTH PLAIN (RFC 4616). */
  readonly credentials?: { readonly user: string; readonly password: string };
}

export interface RawMail {
  readonly to: string;
  readonly from: string;
  /** ASCII with CRLF line ends, no line that begins with a dot. */
  readonly source: string;
}

/** Replies of one connection, in order. */
class Replies {
  readonly #socket: Socket;
  #text = '';
  #waiting: PromiseWithResolvers<string> | undefined;
  #failure: Error | undefined;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.setEncoding('latin1');
    socket.on('data', (piece: string) => {
      this.#text += piece;
      this.#settle();
    });
    const end = (error?: Error): void => {
      this.#failure ??= error ?? new Error(`The server closed after ${JSON.stringify(this.#text)}`);
      this.#settle();
    };
    socket.on('error', end);
    socket.on('close', () => end());
  }

  /** The next whole reply; throws when it is not of the expected class. */
  async expect(kind: string): Promise<string> {
    this.#waiting = Promise.withResolvers();
    const { promise } = this.#waiting;
    this.#settle();
    const reply = await promise;
    if (!reply.startsWith(kind)) throw new Error(`Expected ${kind}xx, was answered ${reply.trim()}`);
    return reply;
  }

  async say(text: string, kind: string): Promise<string> {
    this.#socket.write(text, 'latin1');
    return this.expect(kind);
  }

  #settle(): void {
    if (this.#waiting === undefined) return;
    const reply = /^(?:\d{3}-[^\n]*\n)*\d{3}(?: [^\n]*)?\n/.exec(this.#text)?.[0];
    if (reply !== undefined) {
      this.#text = this.#text.slice(reply.length);
      this.#waiting.resolve(reply);
      this.#waiting = undefined;
    } else if (this.#failure) {
      this.#waiting.reject(this.#failure);
      this.#waiting = undefined;
    }
  }
}

/** One authenticated session. */
class SmtpLoadConnection {
  readonly #socket: Socket;
  readonly #replies: Replies;

  constructor(target: SmtpTarget) {
    this.#socket = connect({ host: target.host, port: target.port, noDelay: true });
    this.#replies = new Replies(this.#socket);
  }

  async open({ credentials }: SmtpTarget): Promise<void> {
    await this.#replies.expect('2');
    await this.#replies.say('EHLO bench.millrace.test\r\n', '2');
    if (credentials === undefined) return;
    const plain = Buffer.from(`\0${credentials.user}\0${credentials.password}`).toString('base64');
    await this.#replies.say(`AUTH PLAIN ${plain}\r\n`, '2');
  }

  async send(mail: RawMail): Promise<void> {
    this.#socket.write(`MAIL FROM:<${mail.from}>\r\nRCPT TO:<${mail.to}>\r\nDATA\r\n`);
    await this.#replies.expect('2');
    await this.#replies.expect('2');
    await this.#replies.expect('3');
    await this.#replies.say(`${mail.source}.\r\n`, '2');
  }

  close(): void {
    this.#socket.destroy();
  }
}

export class SmtpLoad {
  readonly #idle: SmtpLoadConnection[] = [];
  readonly #waiting: ((connection: SmtpLoadConnection) => void)[] = [];
  readonly #all: readonly SmtpLoadConnection[];

  private constructor(all: readonly SmtpLoadConnection[]) {
    this.#all = all;
    this.#idle.push(...all);
  }

  static async open(target: SmtpTarget, connections: number): Promise<SmtpLoad> {
    const all = Array.from({ length: connections }, () => new SmtpLoadConnection(target));
    await Promise.all(all.map((connection) => connection.open(target)));
    return new SmtpLoad(all);
  }

  /** Waits for a connection that is free; resolves when the mail was taken. */
  async send(mail: RawMail): Promise<void> {
    const connection =
      this.#idle.pop() ??
      (await new Promise<SmtpLoadConnection>((resolve) => {
        this.#waiting.push(resolve);
      }));
    await connection.send(mail);
    const next = this.#waiting.shift();
    if (next) next(connection);
    else this.#idle.push(connection);
  }

  /** All of them, each connection with one after the other. */
  async sendAll(mails: Iterable<RawMail>): Promise<Submitted> {
    const submitted: Submitted = new Map();
    const source = mails[Symbol.iterator]();
    await Promise.all(
      this.#all.map(async (connection) => {
        for (let next = source.next(); !next.done; next = source.next()) {
          submitted.set(next.value.to, preciseNow());
          await connection.send(next.value);
        }
      }),
    );
    return submitted;
  }

  close(): void {
    for (const connection of this.#all) connection.close();
  }
}
