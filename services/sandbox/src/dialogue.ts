import { randomBytes } from 'node:crypto';
import type { Behaviour } from './behaviour.ts';
import type { Command } from './command.ts';
import type { Gate } from './gate.ts';
import { magicActionOf } from './magic-recipient.ts';
import { isAscii, parameterProblem } from './mail-parameters.ts';
import type { IspCounters } from './statistics.ts';
import { fillIn, renderReply, type ScriptedReply, type Wording } from './wording.ts';

/** The ISP as a dialogue sees it. */
export interface DialogueHost {
  readonly mxHost: string;
  readonly greeting: string;
  readonly behaviour: Behaviour;
  readonly wording: Wording;
  readonly gate: Gate;
  readonly counters: IspCounters;
  now(): number;
  random(): number;
  /** Whether a mail is authentic enough; only asked where the behaviour requires authentication. */
  authentic(mail: IncomingMail): Promise<boolean>;
  /** Takes over a mail that is answered 250. Returns its id. */
  accept(mail: IncomingMail): string;
}

/** A mail whose final dot has come. */
export interface IncomingMail {
  readonly mailFrom: string;
  readonly rcptTo: readonly string[];
  readonly mailParameters: readonly string[];
  readonly client: { readonly address: string; readonly port: number; readonly ehlo: string };
  readonly tls: {
    readonly protocol: string;
    readonly cipher: string;
    readonly server_name: string | null;
  } | null;
  readonly mailOfConnection: number;
  readonly size: number;
  /** Source with dot-stuffing removed; only its first part when the sandbox keeps less than all. */
  content(): Buffer;
  /** Its header with the empty line below it; cheaper than to look for it in the content. */
  header(): Buffer;
}

/** What the session does next: sends the reply (after a pause), and then goes on in this way. */
export interface Step {
  readonly reply: string;
  readonly next: 'command' | 'data' | 'starttls' | 'close' | 'cut';
  readonly delayMs?: number;
}

/** What the session read as the content of a mail. */
export interface ReadContent {
  readonly size: number;
  content(): Buffer;
  header(): Buffer;
}

interface Transaction {
  readonly from: string;
  readonly parameters: readonly string[];
  readonly smtputf8: boolean;
  readonly recipients: string[];
  /** Drawn for this mail by the shares of the behaviour. */
  readonly drawn: ScriptedReply | undefined;
  cutInData: boolean;
  cutBeforeReply: boolean;
  afterDotMs: number;
  /** What the dot will be answered, decided earlier. */
  verdict: { readonly reply: ScriptedReply; readonly cause: string } | undefined;
}

/** One SMTP conversation as an ISP holds it: commands in, replies out. Knows nothing of sockets and time to wait. */
export class Dialogue {
  readonly #host: DialogueHost;
  readonly #client: { readonly address: string; readonly port: number };
  readonly #session = randomBytes(8).toString('hex');
  #ehlo: string | undefined;
  #tls: IncomingMail['tls'] = null;
  #transaction: Transaction | undefined;
  #mails = 0;

  constructor(host: DialogueHost, client: { readonly address: string; readonly port: number }) {
    this.#host = host;
    this.#client = client;
  }

  /** The first line; `admitted` false: this connection is one too many. */
  greet(admitted: boolean): Step {
    const { behaviour, wording, greeting } = this.#host;
    if (!admitted) return this.#scripted(wording.too_many_connections);
    if (this.#hostUnavailable('busy'))
      return {
        reply: `421 4.3.2 ${this.#host.mxHost} Service not available, try again later\r\n`,
        next: 'close',
      };
    if (this.#hostUnavailable('closed'))
      return { reply: `554 5.3.2 ${this.#host.mxHost} This server takes no mail\r\n`, next: 'close' };
    const reply = `220 ${fillIn(greeting, (name) => this.#field(name))}\r\n`;
    return { reply, next: 'command', delayMs: this.#pause(behaviour.latency.connect_ms) };
  }

  /** The connection is encrypted now: the client must begin again, RFC 3207 4.2. */
  secured(tls: IncomingMail['tls']): void {
    this.#tls = tls;
    this.#ehlo = undefined;
    this.#transaction = undefined;
  }

  /** Whether the present mail is to be cut in the middle of its content. */
  get cutsData(): boolean {
    return this.#transaction?.cutInData ?? false;
  }

  get counters(): IspCounters {
    return this.#host.counters;
  }

  command(command: Command): Step {
    switch (command.verb) {
      case 'EHLO':
        return this.#hello(command.name, true);
      case 'HELO':
        return this.#hello(command.name, false);
      case 'MAIL':
        return this.#mail(command.path, command.parameters);
      case 'RCPT':
        return this.#recipient(command.path, command.parameters);
      case 'DATA':
        return this.#data();
      case 'STARTTLS':
        return this.#startTls();
      case 'RSET':
        this.#transaction = undefined;
        return say('250 2.1.5 Flushed');
      case 'NOOP':
        return say('250 2.0.0 OK');
      case 'VRFY':
        return say('252 2.5.2 Send some mail, I will try my best');
      case 'HELP':
        return say('214 2.0.0 https://datatracker.ietf.org/doc/html/rfc5321');
      case 'QUIT':
        return { reply: `221 2.0.0 ${this.#host.mxHost} closing connection\r\n`, next: 'close' };
      case 'syntax':
        return say(`501 5.5.4 ${command.text}`);
      case 'unknown':
        return say('502 5.5.1 Unrecognized command');
      default:
        return unreachable(command);
    }
  }

  /** The final dot has come. */
  async content(read: ReadContent): Promise<Step> {
    const mail = this.#endOfData(read);
    if ('reply' in mail) return mail;
    if (await this.#host.authentic(mail)) return this.#accept(mail);
    return this.#refuse(this.#host.wording.unauthenticated, 'unauthenticated');
  }

  /** The same where no authentication is asked, at once. */
  contentNow(read: ReadContent): Step {
    const mail = this.#endOfData(read);
    return 'reply' in mail ? mail : this.#accept(mail);
  }

  #hello(name: string, extended: boolean): Step {
    this.#ehlo = name;
    this.#transaction = undefined;
    const { behaviour, mxHost } = this.#host;
    if (!extended) return say(`250 ${mxHost}`);
    const lines = [`${mxHost} at your service, [${this.#client.address}]`];
    if (behaviour.size_limit > 0) lines.push(`SIZE ${behaviour.size_limit}`);
    if (behaviour.eight_bit_mime) lines.push('8BITMIME');
    if (behaviour.tls !== 'none' && this.#tls === null) lines.push('STARTTLS');
    lines.push('ENHANCEDSTATUSCODES');
    if (behaviour.pipelining) lines.push('PIPELINING');
    if (behaviour.smtputf8) lines.push('SMTPUTF8');
    const last = lines.length - 1;
    return {
      reply: lines.map((line, index) => `250${index < last ? '-' : ' '}${line}\r\n`).join(''),
      next: 'command',
    };
  }

  #startTls(): Step {
    if (this.#host.behaviour.tls === 'none') return say('502 5.5.1 Unrecognized command');
    if (this.#tls !== null) return say('503 5.5.1 TLS is already in use');
    return { reply: '220 2.0.0 Ready to start TLS\r\n', next: 'starttls' };
  }

  #mail(from: string, parameters: readonly string[]): Step {
    const { behaviour, wording, gate } = this.#host;
    if (this.#ehlo === undefined) return say('503 5.5.1 EHLO/HELO first');
    if (this.#transaction) return say('503 5.5.1 MAIL was already given');
    if (behaviour.tls === 'required' && this.#tls === null)
      return this.#refuse(wording.tls_required, 'tls_required');
    const problem = parameterProblem(from, parameters, behaviour);
    if (problem === 'too_large') return this.#tooLarge();
    if (problem) return say(problem);
    if (behaviour.mails_per_connection > 0 && this.#mails >= behaviour.mails_per_connection) {
      return this.#refuse(wording.too_many_mails, 'too_many_mails');
    }
    const limited = gate.mailProblem(this.#client.address, behaviour, this.#host.now());
    if (limited) return this.#refuse(wording[limited], limited, { from });
    const drawn = this.#draw();
    if (drawn && (drawn.phase === 'mail' || drawn.phase === 'connect'))
      return this.#refuse(drawn, 'random', { from });
    this.#transaction = {
      from,
      parameters,
      smtputf8: parameters.some((parameter) => parameter.toUpperCase() === 'SMTPUTF8'),
      recipients: [],
      drawn,
      cutInData: this.#happens(behaviour.drop_mid_data_share),
      cutBeforeReply: this.#happens(behaviour.drop_before_reply_share),
      afterDotMs: this.#pause(behaviour.latency.after_dot_ms),
      verdict: drawn?.phase === 'data' ? { reply: drawn, cause: 'random' } : undefined,
    };
    return say('250 2.1.0 OK');
  }

  #recipient(to: string, parameters: readonly string[]): Step {
    const { behaviour, wording, gate } = this.#host;
    const transaction = this.#transaction;
    if (!transaction) return say('503 5.5.1 MAIL first');
    if (parameters.length > 0) return say(`555 5.5.4 Unsupported parameter ${parameters[0]}`);
    if (!/^.+@[^@]+$/.test(to) && to.toLowerCase() !== 'postmaster') {
      return say(`501 5.1.3 <${to}>: bad recipient address syntax`);
    }
    if (!transaction.smtputf8 && !isAscii(to)) return say('553 5.6.7 The recipient address needs SMTPUTF8');
    if (behaviour.recipients_limit > 0 && transaction.recipients.length >= behaviour.recipients_limit) {
      return say('452 4.5.3 Too many recipients');
    }
    const fields = { to, from: transaction.from };
    if (transaction.drawn?.phase === 'rcpt') return this.#refuse(transaction.drawn, 'random', fields);
    if (gate.greylisted(this.#client.address, transaction.from, to, behaviour, this.#host.now())) {
      return this.#refuse(wording.greylisted, 'greylisted', fields);
    }
    const refused = this.#magic(to, transaction, fields);
    if (refused) return refused;
    transaction.recipients.push(to);
    return say('250 2.1.5 OK');
  }

  #magic(to: string, transaction: Transaction, fields: Readonly<Record<string, string>>): Step | undefined {
    const { wording, gate } = this.#host;
    const action = magicActionOf(to);
    switch (action?.kind) {
      case undefined:
        return undefined;
      case 'reply': {
        const scripted = wording[action.situation];
        if (scripted.phase !== 'data') return this.#refuse(scripted, action.situation, fields);
        transaction.verdict = { reply: scripted, cause: action.situation };
        return undefined;
      }
      case 'defer_times':
        if (!gate.deferredTry(to.toLowerCase(), action.times)) return undefined;
        return this.#refuse(wording.deferred, 'deferred', fields);
      case 'drop_before_reply':
        transaction.cutBeforeReply = true;
        return undefined;
      case 'drop_mid_data':
        transaction.cutInData = true;
        return undefined;
      case 'slow':
        transaction.afterDotMs = action.afterDotMs;
        return undefined;
      default:
        return unreachable(action);
    }
  }

  #data(): Step {
    const transaction = this.#transaction;
    if (!transaction) return say('503 5.5.1 MAIL first');
    if (transaction.recipients.length === 0) return say('554 5.5.1 No valid recipients');
    return { reply: '354 Go ahead\r\n', next: 'data' };
  }

  #endOfData(read: ReadContent): IncomingMail | Step {
    const transaction = this.#transaction;
    if (!transaction) return say('503 5.5.1 MAIL first');
    this.#mails++;
    const { behaviour } = this.#host;
    if (behaviour.size_limit > 0 && read.size > behaviour.size_limit) return this.#tooLarge();
    const { verdict } = transaction;
    if (verdict) {
      const fields = { from: transaction.from, to: transaction.recipients[0] ?? '' };
      return { ...this.#refuse(verdict.reply, verdict.cause, fields), delayMs: transaction.afterDotMs };
    }
    return {
      mailFrom: transaction.from,
      rcptTo: transaction.recipients,
      mailParameters: transaction.parameters,
      client: { address: this.#client.address, port: this.#client.port, ehlo: this.#ehlo ?? '' },
      tls: this.#tls,
      mailOfConnection: this.#mails,
      size: read.size,
      content: () => read.content(),
      header: () => read.header(),
    };
  }

  #accept(mail: IncomingMail): Step {
    const transaction = this.#transaction;
    this.#transaction = undefined;
    const now = this.#host.now();
    const id = this.#host.accept(mail);
    this.#host.counters.mailAccepted(
      mail.client.address,
      mail.size,
      mail.tls !== null,
      mail.mailOfConnection,
      now,
    );
    if (transaction?.cutBeforeReply) {
      this.#host.counters.mailDropped('before_reply');
      return { reply: '', next: 'cut', delayMs: transaction.afterDotMs };
    }
    const text = this.#accepted(mail, id, now);
    return { reply: `250 ${text}\r\n`, next: 'command', delayMs: transaction?.afterDotMs ?? 0 };
  }

  #accepted(mail: IncomingMail, id: string, now: number): string {
    return fillIn(this.#host.wording.accepted, (name) => {
      switch (name) {
        case 'session':
          return id;
        case 'number':
          return String(this.#mails);
        case 'size':
          return String(mail.size);
        case 'seconds':
          return String(Math.floor(now / 1_000));
        default:
          return this.#field(name);
      }
    });
  }

  #tooLarge(): Step {
    this.#transaction = undefined;
    this.#host.counters.mailRefused(552, 'too_large');
    return say(`552 5.3.4 Message size exceeds fixed limit of ${this.#host.behaviour.size_limit} bytes`);
  }

  // A refused mail is over; a refused recipient leaves the others.
  #refuse(scripted: ScriptedReply, cause: string, fields: Readonly<Record<string, string>> = {}): Step {
    if (scripted.phase === 'data') this.#transaction = undefined;
    this.#host.counters.mailRefused(scripted.code, cause);
    return this.#scripted(scripted, fields);
  }

  #scripted(scripted: ScriptedReply, fields: Readonly<Record<string, string>> = {}): Step {
    const from = fields.from ?? '';
    const fromDomain = from.slice(from.lastIndexOf('@') + 1);
    const reply = renderReply(scripted, (name) =>
      name === 'from_domain' ? fromDomain : (fields[name] ?? this.#field(name)),
    );
    return { reply, next: scripted.code === 421 || scripted.phase === 'connect' ? 'close' : 'command' };
  }

  // What every text may say.
  #field(name: string): string | undefined {
    switch (name) {
      case 'host':
        return this.#host.mxHost;
      case 'ip':
        return this.#client.address;
      case 'session':
        return this.#session;
      case 'date':
        return new Date(this.#host.now()).toUTCString();
      default:
        return undefined;
    }
  }

  #hostUnavailable(how: Behaviour['unavailable']): boolean {
    const { behaviour, mxHost } = this.#host;
    return behaviour.unavailable === how && appliesTo(behaviour, mxHost);
  }

  #draw(): ScriptedReply | undefined {
    const { behaviour, wording } = this.#host;
    if (behaviour.transient_share === 0 && behaviour.permanent_share === 0) return undefined;
    const at = this.#host.random();
    const from =
      at < behaviour.transient_share
        ? wording.transient
        : at < behaviour.transient_share + behaviour.permanent_share
          ? wording.permanent
          : [];
    return from[Math.floor(this.#host.random() * from.length)];
  }

  #happens(share: number): boolean {
    return share > 0 && this.#host.random() < share;
  }

  #pause(baseMs: number): number {
    const { jitter_ms: jitter } = this.#host.behaviour.latency;
    return baseMs === 0 || jitter === 0 ? baseMs : baseMs + Math.round(this.#host.random() * jitter);
  }
}

/** Whether the ISP's unavailability is meant for this MX host. */
export function appliesTo(behaviour: Behaviour, mxHost: string): boolean {
  return behaviour.unavailable_hosts.length === 0 || behaviour.unavailable_hosts.includes(mxHost);
}

function say(line: string): Step {
  return { reply: `${line}\r\n`, next: 'command' };
}

function unreachable(value: never): never {
  throw new Error(`Not handled: ${JSON.stringify(value)}`);
}
