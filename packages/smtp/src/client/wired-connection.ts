import { finalDot, stuffDots } from './dot-stuffing.ts';
import { type MailCommands, mailCommands } from './mail-commands.ts';
import type { SmtpError, SmtpPhase } from './smtp-error.ts';
import type { SendHooks, SendResult, SmtpMail } from './smtp-mail.ts';
import type { SmtpReply } from './smtp-reply.ts';
import type { SmtpConnection, SmtpFacts } from './smtp-session.ts';
import type { SmtpTimeouts } from './smtp-timeouts.ts';
import type { SmtpWire, WireListener } from './smtp-wire.ts';

/** Larger mails go out in pieces, so that a network that stands still is noticed (RFC 5321 4.5.3.2.5). */
const blockBytes = 262_144;

/** What the next reply to a mail's commands answers; `lone-dot`: a mail without recipient is being ended. */
type Step = 'rset' | 'mail' | 'rcpt' | 'data' | 'go' | 'body' | 'lone-dot';

interface Job {
  readonly mail: SmtpMail;
  readonly commands: MailCommands;
  readonly hooks: SendHooks | undefined;
  readonly settle: (result: SendResult) => void;
  /** The answer to give once the dialogue is in step again. */
  refusal: (SendResult & { readonly kind: 'refused' }) | undefined;
  step: Step;
  /** `beforeDot` has resolved. */
  dotAllowed: boolean;
  /** The final dot was given to the network. */
  dotSent: boolean;
  /** `performance.now()`. */
  readonly limitAt: number;
}

/**
 * A session over a wire. At most two mails are in it: `#closing`, whose final dot is out and whose answer is awaited,
 * and `#opening`, whose commands are out; `#next` waits for the moment when `#opening`'s body is written, to travel in the
 * same piece. Replies come in the order of the commands, so these two say which command a reply is for.
 */
export class WiredConnection implements SmtpConnection, WireListener {
  readonly facts: SmtpFacts;
  readonly #wire: SmtpWire;
  readonly #timeouts: SmtpTimeouts;
  readonly #pipelining: boolean;
  #closing: Job | undefined;
  #opening: Job | undefined;
  #next: Job | undefined;
  /** A transaction was begun and not ended: RSET goes before the next MAIL. */
  #stale = false;
  #deliveries = 0;
  #quitting: (() => void) | undefined;
  #usable = true;
  #closed: { readonly reason: SmtpError | null } | undefined;
  readonly #listeners: ((reason: SmtpError | null) => void)[] = [];

  constructor(wire: SmtpWire, facts: SmtpFacts, timeouts: SmtpTimeouts, pipelining: boolean) {
    this.#wire = wire;
    this.facts = facts;
    this.#timeouts = timeouts;
    this.#pipelining = pipelining && facts.capabilities.pipelining;
    wire.listener = this;
    wire.rest();
  }

  get usable(): boolean {
    return this.#usable;
  }

  get ready(): boolean {
    return this.#usable && this.inFlight < (this.#pipelining ? 2 : 1);
  }

  get deliveries(): number {
    return this.#deliveries;
  }

  get inFlight(): number {
    return (
      Number(this.#closing !== undefined) +
      Number(this.#opening !== undefined) +
      Number(this.#next !== undefined)
    );
  }

  send(mail: SmtpMail, hooks?: SendHooks): Promise<SendResult> {
    return new Promise((resolve) => {
      // Throws TypeError, which rejects.
      const commands = mailCommands(mail, this.facts.capabilities);
      if ('kind' in commands) return resolve(commands);
      if (!this.#usable) {
        const error =
          this.#closed?.reason ??
          this.#wire.error('ERR_SMTP_CLOSED', 'takes no more mail on this connection');
        return resolve({ kind: 'failed', phase: 'mail', error, dotSent: false });
      }
      if (!this.ready) throw new TypeError('The connection is busy: look at `ready` before `send`');
      this.#deliveries++;
      const job: Job = {
        mail,
        commands,
        hooks,
        settle: resolve,
        refusal: undefined,
        step: 'mail',
        dotAllowed: false,
        dotSent: false,
        limitAt:
          mail.deadlineMs === undefined ? Number.POSITIVE_INFINITY : performance.now() + mail.deadlineMs,
      };
      if (this.#opening === undefined) this.#begin(job);
      else this.#next = job;
      this.#time();
    });
  }

  onClosed(listener: (reason: SmtpError | null) => void): void {
    if (this.#closed === undefined) this.#listeners.push(listener);
    else listener(this.#closed.reason);
  }

  quit(): Promise<void> {
    if (this.#closed !== undefined) return Promise.resolve();
    this.#usable = false;
    return new Promise((resolve) => {
      this.onClosed(() => resolve());
      if (this.#quitting !== undefined) return;
      this.#quitting = () => {
        this.#wire.begin('quit', this.#timeouts.quitMs);
        this.#wire.write('QUIT\r\n', 'latin1');
      };
      if (this.inFlight === 0) this.#quitting();
    });
  }

  destroy(): void {
    this.#usable = false;
    this.#quitting ??= () => undefined;
    this.#wire.fail(this.#wire.error('ERR_SMTP_CLOSED', 'was closed by this side'));
  }

  /** WireListener. */
  reply(reply: SmtpReply): void {
    const job = this.#closing ?? this.#opening;
    if (job === undefined) return this.#unasked(reply);
    if (reply.code === 421) return this.#shutDown(job, reply);
    if (job === this.#closing) this.#closed250(job, reply);
    else this.#opened(job, reply);
    if (this.#wire.open) this.#time();
  }

  /** WireListener. */
  gone(error: SmtpError): void {
    this.#usable = false;
    const jobs = [this.#closing, this.#opening, this.#next];
    this.#closing = undefined;
    this.#opening = undefined;
    this.#next = undefined;
    const phase = error.phase;
    for (const job of jobs) {
      if (job === undefined) continue;
      job.settle(
        job.refusal ?? { kind: 'failed', phase: job.dotSent ? 'body' : phase, error, dotSent: job.dotSent },
      );
    }
    this.#closed = { reason: this.#quitting === undefined ? error : null };
    for (const listener of this.#listeners) listener(this.#closed.reason);
  }

  #begin(job: Job): void {
    this.#opening = job;
    this.#wire.write(this.#opener(job), job.commands.encoding);
    this.#askForDot(job);
  }

  // The first command, or all of them where they may travel together.
  #opener(job: Job): string {
    const reset = this.#stale ? 'RSET\r\n' : '';
    job.step = this.#stale ? 'rset' : 'mail';
    this.#stale = false;
    if (!this.#pipelining) return reset === '' ? job.commands.mail : reset;
    return `${reset}${job.commands.mail}${job.commands.rcpt}DATA\r\n`;
  }

  #askForDot(job: Job): void {
    const asked = job.hooks?.beforeDot?.();
    if (asked === undefined) {
      job.dotAllowed = true;
      return;
    }
    asked.then(
      () => {
        job.dotAllowed = true;
        if (job.step === 'go' && this.#opening === job) {
          this.#writeBody(job);
          this.#time();
        }
      },
      (cause: unknown) => {
        if (this.#opening !== job) return;
        this.#wire.fail(
          this.#wire.error('ERR_SMTP_WITHHELD', 'got no final dot: the caller withheld it', cause),
        );
      },
    );
  }

  #opened(job: Job, reply: SmtpReply): void {
    const ok = reply.code < 300;
    switch (job.step) {
      case 'rset':
        if (!ok) return this.#nonsense('RSET', reply);
        job.step = 'mail';
        this.#follow(job.commands.mail);
        return;
      case 'mail':
        if (reply.code >= 300 && reply.code < 400) return this.#nonsense('MAIL', reply);
        if (!ok) job.refusal = { kind: 'refused', phase: 'mail', reply, local: false };
        else this.#stale = true;
        if (!ok && !this.#pipelining) return this.#finish(job, job.refusal);
        job.step = 'rcpt';
        this.#follow(job.commands.rcpt);
        return;
      case 'rcpt':
        if (reply.code >= 300 && reply.code < 400) return this.#nonsense('RCPT', reply);
        if (!ok) job.refusal ??= { kind: 'refused', phase: 'rcpt', reply, local: false };
        if (!ok && !this.#pipelining) return this.#finish(job, job.refusal);
        job.step = 'data';
        this.#follow('DATA\r\n');
        return;
      case 'data':
        return this.#dataAnswered(job, reply);
      case 'go':
        // Before a byte of the mail was sent.
        return this.#nonsense('DATA', reply);
      case 'lone-dot':
        this.#stale = false;
        return this.#finish(job, job.refusal);
      case 'body':
        // While the mail is still being written: the server has seen enough.
        if (reply.code < 400) return this.#nonsense('an unfinished mail', reply);
        job.refusal = { kind: 'refused', phase: 'body', reply, local: false };
        return this.#wire.fail(this.#wire.error('ERR_SMTP_REFUSED', `answered ${reply.code} ${reply.text}`));
    }
  }

  // Without pipelining each command waits for the one before.
  #follow(command: string): void {
    if (!this.#pipelining) this.#wire.write(command, this.#opening?.commands.encoding ?? 'latin1');
  }

  #dataAnswered(job: Job, reply: SmtpReply): void {
    if (reply.code >= 400) {
      return this.#finish(job, job.refusal ?? { kind: 'refused', phase: 'data', reply, local: false });
    }
    if (reply.code !== 354) return this.#nonsense('DATA', reply);
    if (job.refusal !== undefined) {
      // RFC 2920 3.1: a server that takes DATA without a recipient gets an empty mail. One that refused the sender and
      // took the recipient all the same would deliver it.
      if (job.refusal.phase === 'mail') return this.#nonsense('DATA after it refused MAIL', reply);
      job.step = 'lone-dot';
      this.#wire.write('.\r\n', 'latin1');
      return;
    }
    job.step = 'go';
    if (job.dotAllowed) this.#writeBody(job);
  }

  // Body, final dot and the next mail's commands in one piece.
  #writeBody(job: Job): void {
    const data = stuffDots(job.mail.data);
    job.step = 'body';
    if (data.length > blockBytes) return this.#writeBlocks(job, data, 0);
    this.#wire.cork();
    this.#wire.writeBytes(data);
    this.#writeDot(job, data);
    this.#wire.uncork();
  }

  #writeBlocks(job: Job, data: Buffer, from: number): void {
    const to = from + blockBytes;
    if (to < data.length) {
      this.#wire.writeBytes(data.subarray(from, to), () => {
        if (this.#opening !== job) return;
        this.#writeBlocks(job, data, to);
        this.#time();
      });
      return;
    }
    this.#wire.cork();
    this.#wire.writeBytes(data.subarray(from));
    this.#writeDot(job, data);
    this.#wire.uncork();
  }

  #writeDot(job: Job, data: Buffer): void {
    job.dotSent = true;
    this.#opening = undefined;
    this.#closing = job;
    this.#stale = false;
    const next = this.#next;
    this.#next = undefined;
    if (next === undefined) return this.#wire.write(finalDot(data), 'latin1');
    this.#opening = next;
    this.#wire.write(finalDot(data) + this.#opener(next), next.commands.encoding);
    this.#askForDot(next);
  }

  #closed250(job: Job, reply: SmtpReply): void {
    if (reply.code >= 300 && reply.code < 400) return this.#nonsense('the final dot', reply);
    this.#closing = undefined;
    job.settle(
      reply.code < 300
        ? { kind: 'delivered', reply }
        : { kind: 'refused', phase: 'body', reply, local: false },
    );
  }

  #finish(job: Job, result: SendResult | undefined): void {
    this.#opening = undefined;
    const next = this.#next;
    this.#next = undefined;
    if (next !== undefined) this.#begin(next);
    if (result !== undefined) job.settle(result);
  }

  #shutDown(job: Job, reply: SmtpReply): void {
    const phase =
      job.step === 'mail' || job.step === 'rcpt' || job.step === 'data'
        ? job.step
        : job.step === 'rset'
          ? 'mail'
          : job.step === 'go'
            ? 'data'
            : 'body';
    job.refusal ??= { kind: 'refused', phase, reply, local: false };
    this.#wire.fail(this.#wire.error('ERR_SMTP_CLOSED', `closed the session: 421 ${reply.text}`));
  }

  #unasked(reply: SmtpReply): void {
    if (this.#wire.phase === 'quit')
      return this.#wire.fail(this.#wire.error('ERR_SMTP_CLOSED', 'has said goodbye'));
    const closes = reply.code === 421;
    const what = closes ? 'closed the session' : 'spoke without being asked';
    this.#wire.fail(
      this.#wire.error(
        closes ? 'ERR_SMTP_CLOSED' : 'ERR_SMTP_PROTOCOL',
        `${what}: ${reply.code} ${reply.text}`,
      ),
    );
  }

  // Who answers like this cannot be trusted to be in step with the commands.
  #nonsense(command: string, reply: SmtpReply): void {
    this.#wire.fail(
      this.#wire.error(
        'ERR_SMTP_PROTOCOL',
        `answered ${reply.code} ${reply.text} to ${command}, which makes no sense`,
      ),
    );
  }

  // The limit of what is awaited now.
  #time(): void {
    const job = this.#closing ?? this.#opening;
    if (job === undefined) {
      this.#wire.rest();
      if (this.#quitting !== undefined) this.#quitting();
      return;
    }
    const phase = phaseOf(job.step);
    this.#wire.beginUntil(phase, Math.min(performance.now() + this.#limitMs(job), job.limitAt));
  }

  #limitMs(job: Job): number {
    switch (job.step) {
      case 'rset':
      case 'mail':
        return this.#timeouts.mailMs;
      case 'rcpt':
        return this.#timeouts.rcptMs;
      case 'data':
        return this.#timeouts.dataMs;
      case 'go':
        return this.#timeouts.blockMs;
      case 'lone-dot':
        return this.#timeouts.bodyMs;
      case 'body':
        return job.dotSent ? this.#timeouts.bodyMs : this.#timeouts.blockMs;
    }
  }
}

const phaseOf = (step: Step): SmtpPhase => (step === 'go' ? 'data' : step === 'lone-dot' ? 'body' : step);
