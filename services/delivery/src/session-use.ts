/** One open session at work for its route: mails one after the other, two at once where the server takes them so. */
import type { SendResult } from '@millrace/smtp';
import type { Job } from './job.ts';
import type { Lease } from './redis/connection-leases.ts';
import type { Route } from './route.ts';
import type { Session } from './session.ts';

/** How a session is used, and who is told. */
export interface SessionUseOptions {
  readonly session: Session;
  readonly route: Route;
  readonly lease: Lease;
  /** Mails of one session. */
  readonly maxDeliveries: number;
  /** Sends one mail of the job. Never rejects. */
  readonly send: (job: Job, session: Session) => Promise<SendResult>;
  readonly answered: (use: SessionUse, job: Job, result: SendResult, durationMs: number) => void;
  /** The session is over, its place and its lease are free. Called once. */
  readonly ended: (use: SessionUse) => void;
}

export class SessionUse {
  readonly route: Route;
  readonly lease: Lease;
  readonly session: Session;
  readonly #options: SessionUseOptions;
  #inFlight = 0;
  #ending = false;
  #quitting = false;
  #ended = false;
  /** Since when nothing has been under way, ms since some moment (`performance.now()`). */
  idleSince = performance.now();

  constructor(options: SessionUseOptions) {
    this.#options = options;
    this.route = options.route;
    this.lease = options.lease;
    this.session = options.session;
    this.session.onClosed(() => this.#over());
  }

  /** Mails whose answer is not there yet. */
  get inFlight(): number {
    return this.#inFlight;
  }

  /** Takes a mail now. */
  get ready(): boolean {
    return !this.#ending && this.session.ready && this.session.deliveries < this.#options.maxDeliveries;
  }

  /** It takes a mail now, which goes out in one piece with the one before it. */
  get joins(): boolean {
    return this.session.joins && this.ready;
  }

  /** Mails that this session has begun. */
  get deliveries(): number {
    return this.session.deliveries;
  }

  /** It takes no further mail. */
  get spent(): boolean {
    return this.#ending || !this.session.usable || this.session.deliveries >= this.#options.maxDeliveries;
  }

  send(job: Job): void {
    this.#inFlight += 1;
    const begun = performance.now();
    this.#options.send(job, this.session).then((result) => {
      const ended = performance.now();
      this.#inFlight -= 1;
      this.idleSince = ended;
      this.#options.answered(this, job, result, ended - begun);
      if (this.spent) this.end();
    });
  }

  /** Takes no more mails and closes when those under way have their answers. */
  end(): void {
    this.#ending = true;
    if (this.#inFlight > 0 || this.#quitting) return;
    this.#quitting = true;
    this.session.quit().then(() => this.#over());
  }

  #over(): void {
    this.#ending = true;
    if (this.#ended || this.#inFlight > 0) return;
    this.#ended = true;
    this.#options.ended(this);
  }
}
