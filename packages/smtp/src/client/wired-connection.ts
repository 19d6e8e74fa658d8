import { finalDot, stuffDots } from './dot-stuffing.ts';
import { mailCommands } from './mail-commands.ts';
import { limitMsOf, type MailJob, phaseOf, type Refusal, refusalPhaseOf } from './mail-job.ts';
import { SmtpError, type SmtpPhase } from './smtp-error.ts';
import type { SendHooks, SendResult, SmtpMail } from './smtp-mail.ts';
import type { SmtpReply } from './smtp-reply.ts';
import type { SmtpConnection, SmtpFacts } from './smtp-session.ts';
import type { SmtpTimeouts } from './smtp-timeouts.ts';
import type { SmtpWire, WireListener } from './smtp-wire.ts';

/** Larger mails go out in pieces, so that a network that stands still is noticed (RFC 5321 4.5.3.2.5). */
const blockBytes = 262_144;

/**
 * A session over a wire. At most two mails are in it: `#closing`, whose final dot is out and whose answer is awaited,
 * and `#opening`, whose commands are out; `#next` waits for the moment when `#opening`'s body is written, to travel in
 * the same piece (RFC 2920 3.1). Replies come in the order of the commands, so these say which command a reply is for.
 */
export class WiredConnection implements SmtpConnection, WireListener {
  readonly facts: SmtpFacts;
  readonly #wire: SmtpWire;
  readonly #timeouts: SmtpTimeouts;
  readonly #pipelining: boolean;
  #closing: MailJob | undefined;
  #opening: MailJob | undefined;
  #next: MailJob | undefined;
  /** A transaction was begun and not ended: RSET goes before the next MAIL. */
  #stale = false;
  #deliveries = 0;
  #usable = true;
  /** This side ends the session: what to do when no mail is under way. */
  #leave: (() => void) | undefined;
  #closed: { readonly reason: SmtpError | null } | undefined;
  readonly #listeners: ((reason: SmtpError | null) => void)[] = [];

  /** Throws SmtpError when the session has ended meanwhile. */
  constructor(wire: SmtpWire, facts: SmtpFacts, timeouts: SmtpTimeouts, pipelining: boolean) {
    this.#wire = wire;
    this.facts = facts;
    this.#timeouts = timeouts;
    this.#pipelining = pipelining && facts.capabilities.pipelining;
    wire.handOver(this);
  }

  get usable(): boolean {
    return this.#usable;
  }

  get ready(): boolean {
    return this.#usable && this.inFlight < (this.#pipelining ? 2 : 1);
  }

  get joins(): boolean {
    return this.ready && this.#opening !== undefined && this.#next === undefined;
  }

  get deliveries(): number {
    return this.#deliveries;
  }

  get inFlight(): number {
    return (
      (this.#closing === undefined ? 0 : 1) +
      (this.#opening === undefined ? 0 : 1) +
      (this.#next === undefined ? 0 : 1)
    );
  }

  send(mail: SmtpMail, hooks?: SendHooks): Promise<SendResult> {
    return new Promise((resolve) => {
      const commands = mailCommands(mail, this.facts.capabilities);
      if ('kind' in commands) resolve(commands);
      else if (!this.#usable) resolve(this.#tooLate());
      else {
        if (!this.ready) throw new TypeError('The connection is busy: look at `ready` before `send`');
        this.#accept({
          mail,
          commands,
          hooks,
          settle: resolve,
          limitAt:
            mail.deadlineMs === undefined ? Number.POSITIVE_INFINITY : performance.now() + mail.deadlineMs,
          step: 'mail',
          refusal: undefined,
          permission: 'awaited',
          withheldBy: undefined,
          dotSent: false,
        });
      }
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
      if (this.#leave !== undefined) return;
      this.#leave = () => {
        this.#wire.begin('quit', this.#timeouts.quitMs);
        this.#wire.write('QUIT\r\n', 'latin1');
      };
      if (this.inFlight === 0) this.#leave();
    });
  }

  destroy(): void {
    this.#leave ??= () => undefined;
    this.#wire.fail(this.#wire.error('ERR_SMTP_CLOSED', 'was closed by this side'));
  }

  /** WireListener. */
  reply(reply: SmtpReply): void {
    const job = this.#closing ?? this.#opening;
    if (job === undefined) this.#unasked(reply);
    else if (reply.code === 421) this.#shutDown(job, reply);
    else if (job === this.#closing) this.#bodyAnswered(job, reply);
    else this.#commandAnswered(job, reply);
    this.#watchTime();
  }

  /** WireListener. */
  gone(error: SmtpError): void {
    this.#usable = false;
    const jobs = [this.#closing, this.#opening, this.#next];
    this.#closing = undefined;
    this.#opening = undefined;
    this.#next = undefined;
    this.#closed = { reason: this.#leave === undefined ? error : null };
    for (const job of jobs) {
      if (job === undefined) continue;
      const phase = phaseOf(job.step);
      const own = phase === error.phase ? error : this.#bystander(phase, error);
      job.settle(job.refusal ?? { kind: 'failed', phase, error: own, dotSent: job.dotSent });
    }
    for (const listener of this.#listeners) listener(this.#closed.reason);
  }

  // What ended the session was about another mail, or about none.
  #bystander(phase: SmtpPhase, cause: SmtpError | null): SmtpError {
    const text = cause === null ? `The connection to ${this.facts.host} is closed` : cause.message;
    return new SmtpError('ERR_SMTP_CLOSED', phase, text, cause === null ? {} : { cause });
  }

  #tooLate(): SendResult {
    const error = this.#bystander('mail', this.#closed?.reason ?? null);
    return { kind: 'failed', phase: 'mail', error, dotSent: false };
  }

  #accept(job: MailJob): void {
    this.#deliveries++;
    if (this.#opening === undefined) this.#begin(job);
    else this.#next = job;
    this.#watchTime();
  }

  #begin(job: MailJob): void {
    this.#opening = job;
    this.#wire.write(this.#opener(job), job.commands.encoding);
    this.#askPermission(job);
  }

  // The first command, or all of them where they may travel together.
  #opener(job: MailJob): string {
    const reset = this.#stale ? 'RSET\r\n' : '';
    job.step = this.#stale ? 'rset' : 'mail';
    this.#stale = false;
    if (this.#pipelining) return `${reset}${job.commands.mail}${job.commands.rcpt}DATA\r\n`;
    return reset === '' ? job.commands.mail : reset;
  }

  #askPermission(job: MailJob): void {
    let asked: Promise<void> | undefined;
    try {
      asked = job.hooks?.beforeDot?.();
    } catch (error) {
      asked = Promise.reject(error);
    }
    if (asked === undefined) {
      job.permission = 'given';
      return;
    }
    asked.then(
      () => {
        job.permission = 'given';
        this.#writeWhenDue(job);
        this.#watchTime();
      },
      (cause: unknown) => {
        job.permission = 'withheld';
        job.withheldBy = cause;
        this.#withhold(job);
      },
    );
  }

  // There is no way to take DATA back but to close. The answer for the mail before is waited for.
  #withhold(job: MailJob): void {
    if (this.#opening !== job) return;
    this.#usable = false;
    if (this.#closing !== undefined) return;
    const { withheldBy } = job;
    this.#wire.phase = phaseOf(job.step);
    this.#wire.fail(this.#wire.error('ERR_SMTP_WITHHELD', 'got no final dot: beforeDot failed', withheldBy));
  }

  #commandAnswered(job: MailJob, reply: SmtpReply): void {
    switch (job.step) {
      case 'rset':
        if (reply.code < 300) this.#proceed(job, 'mail', job.commands.mail);
        else this.#nonsense('RSET', reply);
        break;
      case 'mail':
        if (reply.code < 300) {
          this.#stale = true;
          this.#proceed(job, 'rcpt', job.commands.rcpt);
        } else this.#refused(job, 'mail', 'rcpt', reply);
        break;
      case 'rcpt':
        if (reply.code < 300) this.#proceed(job, 'data', 'DATA\r\n');
        else this.#refused(job, 'rcpt', 'data', reply);
        break;
      case 'data':
        this.#dataAnswered(job, reply);
        break;
      case 'lone_dot':
        this.#stale = false;
        this.#finish(job, job.refusal);
        break;
      case 'go':
        // Not a byte of the mail was sent. A refusal is one; anything else is out of step.
        if (reply.code < 400) this.#nonsense('DATA, once more', reply);
        else this.#shutDown(job, reply);
        break;
      case 'body':
        // The mail is still being written, and the server has seen enough. The rest would be taken for commands.
        if (reply.code < 400) this.#nonsense('an unfinished mail', reply);
        else this.#shutDown(job, reply);
        break;
    }
  }

  // Without pipelining each command waits for the answer to the one before.
  #proceed(job: MailJob, step: 'mail' | 'rcpt' | 'data', command: string): void {
    job.step = step;
    if (!this.#pipelining) this.#wire.write(command, job.commands.encoding);
  }

  // With pipelining the other commands are out already: their answers come first, then the result is told.
  #refused(job: MailJob, phase: 'mail' | 'rcpt', step: 'rcpt' | 'data', reply: SmtpReply): void {
    if (reply.code < 400) {
      this.#nonsense(phase.toUpperCase(), reply);
      return;
    }
    job.refusal ??= refusal(phase, reply);
    if (this.#pipelining) job.step = step;
    else this.#finish(job, job.refusal);
  }

  #dataAnswered(job: MailJob, reply: SmtpReply): void {
    if (reply.code >= 400) this.#finish(job, job.refusal ?? refusal('data', reply));
    else if (reply.code !== 354) this.#nonsense('DATA', reply);
    else if (job.refusal === undefined) {
      job.step = 'go';
      this.#writeWhenDue(job);
    } else if (job.refusal.phase === 'rcpt') {
      // RFC 2920 3.1: a server that takes DATA without a recipient gets an empty mail.
      job.step = 'lone_dot';
      this.#wire.write('.\r\n', 'latin1');
    } else {
      // It refused the sender and may have taken the recipient: an empty mail could arrive.
      this.#shutDown(job, reply);
    }
  }

  // What has come behind the 354 already can be no answer to a mail that is not sent yet: it is looked at first.
  #writeWhenDue(job: MailJob): void {
    if (this.#opening !== job || job.step !== 'go' || job.permission !== 'given') return;
    if (!this.#wire.unread) this.#writeMail(job);
  }

  // Mail, final dot and the next mail's commands in one piece.
  #writeMail(job: MailJob): void {
    const data = stuffDots(job.mail.data);
    job.step = 'body';
    this.#writeFrom(job, data, 0);
  }

  #writeFrom(job: MailJob, data: Buffer, from: number): void {
    const to = from + blockBytes;
    if (to < data.length) {
      this.#wire.writeBytes(data.subarray(from, to), () => {
        if (this.#opening !== job) return;
        this.#writeFrom(job, data, to);
        this.#watchTime();
      });
      return;
    }
    this.#wire.cork();
    this.#wire.writeBytes(from === 0 ? data : data.subarray(from), job.hooks?.taken);
    this.#writeDot(job, data);
    this.#wire.uncork();
  }

  #writeDot(job: MailJob, data: Buffer): void {
    const next = this.#next;
    job.dotSent = true;
    this.#stale = false;
    this.#closing = job;
    this.#opening = next;
    this.#next = undefined;
    if (next === undefined) {
      this.#wire.write(finalDot(data), 'latin1');
    } else {
      this.#wire.write(finalDot(data) + this.#opener(next), next.commands.encoding);
      this.#askPermission(next);
    }
  }

  #bodyAnswered(job: MailJob, reply: SmtpReply): void {
    if (reply.code >= 300 && reply.code < 400) {
      this.#nonsense('the final dot', reply);
      return;
    }
    this.#closing = undefined;
    job.settle(reply.code < 300 ? { kind: 'delivered', reply } : refusal('body', reply));
    if (this.#opening?.permission === 'withheld') this.#withhold(this.#opening);
  }

  #finish(job: MailJob, result: SendResult | undefined): void {
    const next = this.#next;
    this.#opening = undefined;
    this.#next = undefined;
    if (next !== undefined) this.#begin(next);
    if (result !== undefined) job.settle(result);
  }

  #shutDown(job: MailJob, reply: SmtpReply): void {
    job.refusal ??= refusal(refusalPhaseOf(job.step), reply);
    this.#wire.fail(this.#wire.refusal('ERR_SMTP_REFUSED', 'ended the session:', reply));
  }

  #unasked(reply: SmtpReply): void {
    if (this.#wire.phase === 'quit') this.#wire.fail(this.#wire.refusal('ERR_SMTP_CLOSED', 'said', reply));
    else if (reply.code === 421)
      this.#wire.fail(this.#wire.refusal('ERR_SMTP_CLOSED', 'ended the session:', reply));
    else this.#nonsense('nothing', reply);
  }

  // Who answers like this cannot be trusted to be in step with the commands.
  #nonsense(command: string, reply: SmtpReply): void {
    this.#wire.fail(
      this.#wire.error('ERR_SMTP_PROTOCOL', `answered ${reply.code} ${reply.text} to ${command}`),
    );
  }

  // The limit of what is awaited now.
  #watchTime(): void {
    if (this.#closed !== undefined) return;
    const job = this.#closing ?? this.#opening;
    if (job !== undefined) {
      const limitAt = performance.now() + limitMsOf(job, this.#timeouts);
      this.#wire.beginUntil(phaseOf(job.step), Math.min(limitAt, job.limitAt));
    } else if (this.#leave === undefined) this.#wire.rest();
    else this.#leave();
  }
}

function refusal(phase: Refusal['phase'], reply: SmtpReply): Refusal {
  return { kind: 'refused', phase, reply, local: false };
}
