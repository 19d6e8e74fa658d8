import { mailCommands } from '../client/mail-commands.ts';
import { SmtpError } from '../client/smtp-error.ts';
import type { SendHooks, SendResult, SmtpMail } from '../client/smtp-mail.ts';
import type { Relay, RelayOptions } from './relay-options.ts';
import { RelaySession } from './relay-session.ts';

/** A relay closes idle connections itself; ours go before it does. */
const idleMs = 30_000;

/** Offers everything, so that only the addresses are looked at. */
const anyServer = {
  pipelining: true,
  size: null,
  eightBitMime: true,
  smtpUtf8: true,
  enhancedStatusCodes: true,
  startTls: true,
  keywords: [],
} as const;

/**
 * Mail to a smarthost through nodemailer: up to `maxConnections` at once, each used again and again; further mails wait
 * in order (whoever calls bounds how many those are).
 */
class PooledRelay implements Relay {
  readonly #options: RelayOptions;
  readonly #idle: { readonly session: RelaySession; readonly timer: NodeJS.Timeout }[] = [];
  readonly #waiting: (() => void)[] = [];
  #busy = 0;
  #stopped = false;
  #drained: (() => void) | undefined;

  constructor(options: RelayOptions) {
    this.#options = options;
  }

  async send(mail: SmtpMail, hooks?: SendHooks): Promise<SendResult> {
    // An impossible address is the caller's mistake: no connection is opened for it.
    mailCommands(mail, anyServer);
    if (this.#busy >= this.#options.maxConnections) await new Promise<void>((go) => this.#waiting.push(go));
    else this.#busy++;
    try {
      return await this.#send(mail, hooks);
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#busy--;
      else next();
      if (this.#busy === 0) this.#drained?.();
    }
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    if (this.#busy > 0) await new Promise<void>((resolve) => (this.#drained = resolve));
    for (const { session, timer } of this.#idle.splice(0)) {
      clearTimeout(timer);
      session.quit();
    }
  }

  async #send(mail: SmtpMail, hooks: SendHooks | undefined): Promise<SendResult> {
    if (this.#stopped) {
      const error = new SmtpError('ERR_SMTP_ABORTED', 'connect', 'The relay is stopped');
      return { kind: 'failed', phase: 'connect', error, dotSent: false };
    }
    let session: RelaySession;
    try {
      session = this.#takeIdle() ?? (await RelaySession.open(this.#options));
    } catch (error) {
      if (!(error instanceof SmtpError)) throw error;
      return { kind: 'failed', phase: error.phase, error, dotSent: false };
    }
    const result = await session.send(mail, hooks);
    this.#keep(session);
    return result;
  }

  #takeIdle(): RelaySession | undefined {
    for (;;) {
      const kept = this.#idle.pop();
      if (kept === undefined) return undefined;
      clearTimeout(kept.timer);
      if (kept.session.usable) return kept.session;
    }
  }

  #keep(session: RelaySession): void {
    if (!session.usable) return;
    if (this.#stopped) {
      session.quit();
      return;
    }
    const timer = setTimeout(() => {
      const at = this.#idle.findIndex((kept) => kept.session === session);
      if (at !== -1) this.#idle.splice(at, 1);
      session.quit();
    }, idleMs);
    this.#idle.push({ session, timer });
  }
}

/** A relay; it connects when the first mail comes. */
export function createRelay(options: RelayOptions): Relay {
  return new PooledRelay(options);
}
