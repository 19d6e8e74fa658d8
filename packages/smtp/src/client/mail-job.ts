import type { MailCommands } from './mail-commands.ts';
import type { SmtpPhase } from './smtp-error.ts';
import type { SendHooks, SendResult, SmtpMail } from './smtp-mail.ts';
import type { SmtpTimeouts } from './smtp-timeouts.ts';

/**
 * What the next reply to a mail's commands answers. `go`: the server waits for the mail. `lone_dot`: a transaction that
 * came to have no recipient is being ended.
 */
export type MailStep = 'rset' | 'mail' | 'rcpt' | 'data' | 'go' | 'body' | 'lone_dot';

export type Refusal = SendResult & { readonly kind: 'refused' };

/** One mail on its way through a session. */
export interface MailJob {
  readonly mail: SmtpMail;
  readonly commands: MailCommands;
  readonly hooks: SendHooks | undefined;
  readonly settle: (result: SendResult) => void;
  /** `performance.now()` up to which the mail may take. */
  readonly limitAt: number;
  step: MailStep;
  /** Said already, and told once the dialogue is in step again. */
  refusal: Refusal | undefined;
  /** `withheld`: the caller's `beforeDot` failed. */
  permission: 'awaited' | 'given' | 'withheld';
  withheldBy: unknown;
  /** The final dot was given to the network. */
  dotSent: boolean;
}

/** The phase that a step belongs to, for errors. */
export function phaseOf(step: MailStep): SmtpPhase {
  switch (step) {
    case 'go':
      return 'data';
    case 'lone_dot':
      return 'body';
    default:
      return step;
  }
}

/** The phase in which a mail counts as refused when the server ends the session at this step. */
export function refusalPhaseOf(step: MailStep): Refusal['phase'] {
  switch (step) {
    case 'rset':
    case 'mail':
      return 'mail';
    case 'rcpt':
      return 'rcpt';
    case 'data':
    case 'go':
      return 'data';
    case 'body':
    case 'lone_dot':
      return 'body';
  }
}

/** How long the answer to a mail's step may take, ms. */
export function limitMsOf(job: MailJob, timeouts: SmtpTimeouts): number {
  switch (job.step) {
    case 'rset':
    case 'mail':
      return timeouts.mailMs;
    case 'rcpt':
      return timeouts.rcptMs;
    case 'data':
      return timeouts.dataMs;
    case 'go':
      return timeouts.blockMs;
    case 'lone_dot':
      return timeouts.bodyMs;
    case 'body':
      return job.dotSent ? timeouts.bodyMs : timeouts.blockMs;
  }
}
