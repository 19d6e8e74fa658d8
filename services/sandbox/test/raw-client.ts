import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';

/** The simplest SMTP client there is: tests say every byte themselves. */
export class RawClient {
  #socket: Socket;
  #received = '';
  #closed = false;
  #wake: () => void = () => undefined;

  private constructor(socket: Socket) {
    this.#socket = socket;
    this.#attach(socket);
  }

  /** Connects; does not wait for the greeting. Rejects when refused. */
  static async connect(port: number, host: string, localAddress = '127.0.0.1'): Promise<RawClient> {
    const socket = connect({ port, host, noDelay: true, ...(host.includes(':') ? {} : { localAddress }) });
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve).once('error', reject);
    });
    return new RawClient(socket);
  }

  send(text: string | Buffer): void {
    this.#socket.write(text);
  }

  /** The next whole reply, with its lines; rejects when the connection ends first. */
  async reply(): Promise<string> {
    for (;;) {
      const match = /^(?:\d{3}-[^\n]*\r\n)*\d{3} [^\n]*\r\n/.exec(this.#received);
      if (match) {
        this.#received = this.#received.slice(match[0].length);
        return match[0];
      }
      if (this.#closed) throw new Error(`closed after ${JSON.stringify(this.#received)}`);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** Sends a line and returns its reply. */
  async say(line: string): Promise<string> {
    this.send(`${line}\r\n`);
    return this.reply();
  }

  /** Greeting and EHLO; returns the reply to EHLO. */
  async hello(): Promise<string> {
    await this.reply();
    return this.say('EHLO client.test');
  }

  /** One whole mail; returns the first reply that refuses it, or the one to the dot. */
  async mail(to: string, body = 'Subject: x\r\n\r\nhello', from = 'me@sender.test'): Promise<string> {
    for (const line of [`MAIL FROM:<${from}>`, `RCPT TO:<${to}>`, 'DATA']) {
      const reply = await this.say(line);
      if (!/^[23]/.test(reply)) {
        if (!reply.startsWith('421')) await this.say('RSET');
        return reply;
      }
    }
    return this.say(`${body}\r\n.`);
  }

  /** STARTTLS and the handshake, verified against `ca` for `serverName`. Rejects with the TLS error. */
  async startTls(ca: string, serverName: string): Promise<void> {
    await this.say('STARTTLS');
    const plain = this.#socket;
    plain.removeAllListeners();
    const secure = connectTls({ socket: plain, ca, servername: serverName });
    await new Promise<void>((resolve, reject) => {
      secure.once('secureConnect', resolve).once('error', reject);
      plain.once('error', reject);
    });
    this.#socket = secure;
    this.#attach(secure);
  }

  /** Resolves when the server has closed. */
  async closed(): Promise<void> {
    while (!this.#closed) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  end(): void {
    this.#socket.destroy();
  }

  #attach(socket: Socket): void {
    socket.on('data', (chunk: Buffer) => {
      this.#received += chunk.toString();
      this.#wake();
    });
    const closed = () => {
      this.#closed = true;
      this.#wake();
    };
    // A cut connection is what many tests are about.
    socket.on('error', closed).on('end', closed).on('close', closed);
  }
}
