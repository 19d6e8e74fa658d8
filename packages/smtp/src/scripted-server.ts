/** For the tests: an SMTP server that says and does what a test scripts, however wrong. */
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import type { TestCertificate } from './test-certificates.ts';

/** The client closed while the script waited for it: the end of a script, not a failure. */
class ClientGone extends Error {}

/** The server's end of one connection. */
export class Peer {
  socket: Socket;
  #input = '';
  #ended = false;
  #wake: () => void = () => undefined;

  constructor(socket: Socket) {
    this.socket = socket;
    this.#listen(socket);
  }

  /** What came and was not read yet, as latin1. */
  get unread(): string {
    return this.#input;
  }

  say(...lines: string[]): void {
    this.socket.write(`${lines.join('\r\n')}\r\n`);
  }

  /** The next command without its line end. */
  async line(): Promise<string> {
    return await this.#until('\r\n');
  }

  /** What follows DATA up to the final dot, as it was sent. */
  async mail(): Promise<string> {
    if (this.#input.startsWith('.\r\n')) {
      this.#input = this.#input.slice(3);
      return '';
    }
    return `${await this.#until('\r\n.\r\n')}\r\n`;
  }

  /** Reads one command that must begin like this, and answers. */
  async on(command: string, ...reply: string[]): Promise<string> {
    const line = await this.line();
    if (!line.startsWith(command)) throw new Error(`the client said ${line} where ${command} was due`);
    this.say(...reply);
    return line;
  }

  /** Greeting and EHLO with these keywords. */
  async hello(...keywords: string[]): Promise<void> {
    this.say('220 mx.test ESMTP');
    await this.on('EHLO', ...ehloReply(keywords));
  }

  /** MAIL, RCPT, DATA and the mail, all taken. */
  async take(finalReply = '250 2.0.0 Ok: queued'): Promise<string> {
    await this.on('MAIL', '250 2.1.0 Ok');
    await this.on('RCPT', '250 2.1.5 Ok');
    await this.on('DATA', '354 Go ahead');
    const mail = await this.mail();
    this.say(finalReply);
    return mail;
  }

  /** Answers STARTTLS and becomes the server of a handshake. */
  async startTls(certificate: TestCertificate, behindReply = ''): Promise<void> {
    const line = await this.line();
    if (line !== 'STARTTLS') throw new Error(`the client said ${line} where STARTTLS was due`);
    const plain = this.socket;
    plain.removeAllListeners('data');
    plain.write(`220 Ready\r\n${behindReply}`);
    const secure = new TLSSocket(plain, { isServer: true, cert: certificate.cert, key: certificate.key });
    this.socket = secure;
    this.#input = '';
    this.#listen(secure);
    await Promise.race([
      once(secure, 'secure'),
      once(plain, 'close').then(() => Promise.reject(new ClientGone())),
    ]);
  }

  /** Until the client has closed. */
  async gone(): Promise<void> {
    while (!this.#ended) await this.#more();
  }

  async #until(end: string): Promise<string> {
    for (;;) {
      const at = this.#input.indexOf(end);
      if (at !== -1) {
        const text = this.#input.slice(0, at);
        this.#input = this.#input.slice(at + end.length);
        return text;
      }
      if (this.#ended) throw new ClientGone();
      await this.#more();
    }
  }

  #more(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  #listen(socket: Socket): void {
    const end = (): void => {
      this.#ended = true;
      this.#wake();
    };
    socket.on('data', (chunk: Buffer) => {
      this.#input += chunk.toString('latin1');
      this.#wake();
    });
    socket.on('end', end);
    socket.on('close', end);
    socket.on('error', end);
  }
}

export function ehloReply(keywords: readonly string[]): string[] {
  const lines = ['mx.test', ...keywords];
  return lines.map((line, at) => `250${at === lines.length - 1 ? ' ' : '-'}${line}`);
}

export interface ScriptedServer extends AsyncDisposable {
  readonly port: number;
  /** Connections so far. */
  readonly accepted: () => number;
  /** Cuts every connection; rejects with the first error of a script. */
  stop(): Promise<void>;
}

/** Listens on 127.0.0.1 and runs the script for each connection; `index` counts them from 0. */
export async function scriptedServer(
  script: (peer: Peer, index: number) => Promise<void> | void,
): Promise<ScriptedServer> {
  const sockets = new Set<Socket>();
  const scripts: Promise<void>[] = [];
  const failures: unknown[] = [];
  let accepted = 0;
  const run = async (socket: Socket, index: number): Promise<void> => {
    try {
      await script(new Peer(socket), index);
    } catch (error) {
      if (!(error instanceof ClientGone)) failures.push(error);
      socket.destroy();
    }
  };
  const server: Server = createServer({ noDelay: true, allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    scripts.push(run(socket, accepted++));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const stop = async (): Promise<void> => {
    for (const socket of sockets) socket.destroy();
    await new Promise<void>((resolve) => server.close(() => resolve()));
    await Promise.all(scripts);
    if (failures.length > 0) throw failures[0];
  };
  return { port: address.port, accepted: () => accepted, stop, [Symbol.asyncDispose]: stop };
}
