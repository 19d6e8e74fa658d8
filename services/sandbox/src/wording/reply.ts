/** Where in the dialogue a reply is given. */
export type Phase = 'connect' | 'mail' | 'rcpt' | 'data';

/** A scripted reply. `text` may have several lines and the fields {ip} {to} {from} {host} {session}. 421 also closes. */
export interface ScriptedReply {
  readonly phase: Phase;
  readonly code: number;
  readonly enhanced?: string;
  readonly text: string;
}

/** What an ISP says in each situation. */
export interface Wording {
  readonly accepted: string;
  readonly too_many_connections: ScriptedReply;
  readonly too_many_mails: ScriptedReply;
  readonly rate_limited: ScriptedReply;
  readonly penalised: ScriptedReply;
  readonly greylisted: ScriptedReply;
  readonly tls_required: ScriptedReply;
  readonly unknown_user: ScriptedReply;
  readonly mailbox_full: ScriptedReply;
  readonly disabled_user: ScriptedReply;
  readonly deferred: ScriptedReply;
  readonly blocked: ScriptedReply;
  readonly spam: ScriptedReply;
  readonly unauthenticated: ScriptedReply;
  /** Drawn from for `transient_share`. */
  readonly transient: readonly ScriptedReply[];
  /** Drawn from for `permanent_share`. */
  readonly permanent: readonly ScriptedReply[];
}

/** A reply of one text; `enhanced` '' for providers that give none here. */
export const reply = (phase: Phase, code: number, enhanced: string, text: string): ScriptedReply =>
  enhanced ? { phase, code, enhanced, text } : { phase, code, text };
