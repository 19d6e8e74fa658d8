import type { Socket } from 'node:net';
import { type SecureContext, TLSSocket } from 'node:tls';
import type { Behaviour } from './behaviour.ts';
import { parseCommand } from './command.ts';
import { DataReader } from './data-reader.ts';
import { appliesTo, type Dialogue, type Step } from './dialogue.ts';

const maxLineBytes = 4_096;
const idleMs = 300_000;
const lineFeed = 0x0a;

/** What a session needs from the server it runs in. */
export interface SessionHost {
  readonly behaviour: Behaviour;
  readonly mxHost: string;
  /** Bytes of a mail that are kept while it is read. */
  readonly keepBytes: number;
  secureContext(): Promise<SecureContext>;
  /** Called once, when the connection is gone. */
  closed(): void;
  /** A failed handshake or a broken certificate: for the log. */
  failed(error: Error): void;
}

/**
 * The wire of one SMTP connection: cuts bytes into commands and mails, gives them to the dialogue in order, and writes
 * replies: all replies to a pipelined group in one piece (RFC 2920 3.2), with whatever delay is scripted.
 */
export class SmtpSession {
  readonly #host: SessionHost;
  readonly #dialogue: Dialogue;
  #socket: Socket;
  #pending: Buffer | undefined;
  #reader: DataReader | undefined;
  #out = '';
  // While a timer or a check runs, nothing is read on.
  #busy = false;
  #open = true;
  #timer: NodeJS.Timeout | undefined;

  constructor(host: SessionHost, dialogue: Dialogue, socket: Socket) {
    this.#host = host;
    this.#dialogue = dialogue;
    this.#socket = socket;
    this.#listen(socket);
  }

  /** Greets, or stays silent where that is scripted. */
  start(admitted: boolean): void {
    const { behaviour } = this.#host;
    if (admitted && behaviour.unavailable === 'silent' && appliesTo(behaviour, this.#host.mxHost)) return;
    this.#take(this.#dialogue.greet(admitted));
    this.#proceed();
  }

  /** Cuts the connection now. */
  destroy(): void {
    this.#socket.destroy();
  }

  #listen(socket: Socket): void {
    socket.setNoDelay(true);
    socket.setTimeout(idleMs, () => this.#idle());
    socket.on('data', this.#onData);
    // A reset by the client ends the session; 'close' follows and does the rest.
    socket.on('error', () => socket.destroy());
    socket.on('close', () => this.#closed());
  }

  readonly #onData = (chunk: Buffer): void => {
    this.#pending = this.#pending === undefined ? chunk : Buffer.concat([this.#pending, chunk]);
    if (this.#busy) this.#socket.pause();
    else this.#proceed();
  };

  #proceed(): void {
    while (this.#open && !this.#busy && this.#pending !== undefined && this.#step(this.#pending));
    if (this.#out !== '' && !this.#busy) this.#reply();
  }

  // One command or piece of a mail. Returns false when more bytes are needed.
  #step(input: Buffer): boolean {
    return this.#reader ? this.#readMail(this.#reader, input) : this.#readCommand(input);
  }

  #readCommand(input: Buffer): boolean {
    const end = input.indexOf(lineFeed);
    if (end === -1) {
      if (input.length <= maxLineBytes) return false;
      this.#out += '500 5.5.2 Line too long\r\n';
      this.#end();
      return false;
    }
    this.#consume(input, end + 1);
    const line = input.toString('utf8', 0, end > 0 && input[end - 1] === 0x0d ? end - 1 : end);
    this.#take(this.#dialogue.command(parseCommand(line)));
    return true;
  }

  #readMail(reader: DataReader, input: Buffer): boolean {
    const end = reader.push(input);
    if (this.#dialogue.cutsData) {
      this.#dialogue.counters.mailDropped('mid_data');
      this.#cut();
      return false;
    }
    this.#consume(input, end === -1 ? input.length : end);
    if (end === -1) return false;
    this.#reader = undefined;
    if (this.#host.behaviour.authentication === 'ignored') {
      this.#take(this.#dialogue.contentNow(reader));
      return true;
    }
    this.#busy = true;
    this.#dialogue.content(reader).then(
      (step) => this.#resume(() => this.#take(step)),
      (error: Error) => {
        this.#host.failed(error);
        this.#resume(() => this.#take({ reply: '451 4.3.0 Internal error\r\n', next: 'command' }));
      },
    );
    return false;
  }

  #consume(input: Buffer, bytes: number): void {
    this.#pending = bytes < input.length ? input.subarray(bytes) : undefined;
  }

  #take(step: Step): void {
    if (step.delayMs) {
      // What was answered before goes out before the pause.
      this.#flush();
      this.#busy = true;
      this.#timer = setTimeout(() => this.#resume(() => this.#apply(step)), step.delayMs);
    } else {
      this.#apply(step);
    }
  }

  #apply(step: Step): void {
    this.#out += step.reply;
    switch (step.next) {
      case 'command':
        return;
      case 'data':
        this.#reader = new DataReader(this.#host.keepBytes);
        return;
      case 'starttls':
        this.#flush();
        this.#secure();
        return;
      case 'close':
        this.#end();
        return;
      case 'cut':
        this.#cut();
    }
  }

  #resume(act: () => void): void {
    this.#busy = false;
    if (!this.#open) return;
    act();
    if (!this.#open) return;
    if (!this.#busy) this.#socket.resume();
    this.#proceed();
  }

  // The group's replies, at once or as slowly as scripted.
  #reply(): void {
    const { latency, tarpit_ms: tarpit } = this.#host.behaviour;
    if (tarpit > 0) {
      this.#busy = true;
      this.#drip(tarpit);
    } else if (latency.command_ms > 0) {
      this.#busy = true;
      this.#timer = setTimeout(() => this.#resume(() => this.#flush()), latency.command_ms);
    } else {
      this.#flush();
    }
  }

  #drip(everyMs: number): void {
    const text = this.#out;
    this.#socket.write(text.slice(0, 1));
    this.#out = text.slice(1);
    this.#timer = setTimeout(() => {
      if (this.#out === '') this.#resume(() => undefined);
      else if (this.#open) this.#drip(everyMs);
    }, everyMs);
  }

  #flush(): void {
    if (this.#out === '') return;
    this.#socket.write(this.#out);
    this.#out = '';
  }

  #secure(): void {
    const plain = this.#socket;
    // Commands that were sent in the clear behind STARTTLS are not obeyed, RFC 3207 6.
    this.#pending = undefined;
    this.#busy = true;
    plain.off('data', this.#onData);
    plain.setTimeout(0);
    if (this.#host.behaviour.tls === 'broken') {
      plain.once('data', () => plain.end('This is not TLS\r\n'));
      return;
    }
    plain.pause();
    this.#host.secureContext().then(
      (secureContext) => this.#handshake(plain, secureContext),
      (error: Error) => {
        this.#host.failed(error);
        plain.destroy();
      },
    );
  }

  #handshake(plain: Socket, secureContext: SecureContext): void {
    if (!this.#open) return;
    let serverName: string | null = null;
    const secure = new TLSSocket(plain, {
      isServer: true,
      secureContext,
      SNICallback: (name, done) => {
        serverName = name;
        done(null, secureContext);
      },
    });
    this.#socket = secure;
    secure.on('error', (error) => {
      this.#host.failed(error);
      secure.destroy();
    });
    secure.once('secure', () => {
      const cipher = secure.getCipher();
      this.#dialogue.secured({
        protocol: secure.getProtocol() ?? 'unknown',
        cipher: cipher.standardName,
        server_name: serverName,
      });
      this.#dialogue.counters.secured();
      this.#busy = false;
    });
    this.#listen(secure);
  }

  #idle(): void {
    this.#out += '421 4.4.2 Timeout, closing connection\r\n';
    this.#end();
  }

  #end(): void {
    this.#socket.off('data', this.#onData);
    // What still comes is read and dropped, so that the close is orderly and the reply is not lost to a reset.
    this.#socket.resume();
    this.#pending = undefined;
    this.#flush();
    this.#socket.end();
    this.#busy = true;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#socket.destroy(), 2_000);
  }

  #cut(): void {
    this.#pending = undefined;
    this.#socket.destroy();
  }

  #closed(): void {
    if (!this.#open) return;
    this.#open = false;
    clearTimeout(this.#timer);
    this.#host.closed();
  }
}
