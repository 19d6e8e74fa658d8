import type { SmtpCapabilities } from './smtp-capabilities.ts';
import type { SmtpError } from './smtp-error.ts';
import type { SendHooks, SendResult, SmtpMail } from './smtp-mail.ts';
import type { TlsFacts } from './tls-facts.ts';

/** What does not change during a connection. */
export interface SmtpFacts {
  /** The MX host. */
  readonly host: string;
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly localAddress: string;
  /** Text of the 220. */
  readonly greeting: string;
  readonly capabilities: SmtpCapabilities;
  /** null: in the clear. */
  readonly tls: TlsFacts | null;
  /** Why the session is in the clear although the server offers STARTTLS and it was wanted; null otherwise. */
  readonly tlsFailure: string | null;
}

/** An open session, good for many mails one after the other. */
export interface SmtpConnection {
  readonly facts: SmtpFacts;
  /** False after a 421, a close, a protocol error, `quit` or `destroy`. */
  readonly usable: boolean;
  /** `send` may be called now: usable, and fewer mails in it than it takes (two where commands are pipelined, else one). */
  readonly ready: boolean;
  /** Mails that were begun. */
  readonly deliveries: number;
  /** Mails whose result is not there yet. */
  readonly inFlight: number;
  /** `send` may be called now, and the mail's commands go out in one piece with the body of the mail before it. */
  readonly joins: boolean;
  /**
   * Sends one mail; resolves with what became of it. Where the server offers PIPELINING a second mail may be given
   * while the first is under way: its commands travel behind the first one's final dot (RFC 2920 3.1).
   * Rejects with TypeError for an address that cannot be one (line breaks, NUL, blanks), and when it is not `ready`
   * although usable. A connection that is no longer usable gives `failed`, `dotSent` false.
   */
  send(mail: SmtpMail, hooks?: SendHooks): Promise<SendResult>;
  /** Called once when the connection is gone, for whatever reason; null: by `quit` or `destroy`. At once if it already is. */
  onClosed(listener: (reason: SmtpError | null) => void): void;
  /** Takes no more mails, finishes those under way, says QUIT and closes. Never rejects. */
  quit(): Promise<void>;
  /** Closes now; mails under way fail. */
  destroy(): void;
}
