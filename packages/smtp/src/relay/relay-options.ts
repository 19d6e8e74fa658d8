import type { SendHooks, SendResult, SmtpMail } from '../client/smtp-mail.ts';

/** A smarthost that takes mail for everybody. */
export interface RelayOptions {
  readonly host: string;
  readonly port: number;
  /** `implicit`: TLS from the first byte (RFC 8314); the others by STARTTLS. */
  readonly tls: 'implicit' | 'required' | 'opportunistic' | 'disabled';
  readonly username?: string;
  readonly password?: string;
  /** Connections at once. */
  readonly maxConnections: number;
  readonly localAddress?: string;
  readonly ehloName: string;
  /** Refuse every address that is not loopback. */
  readonly loopbackOnly: boolean;
  /** PEM of the authorities to trust; default: Node's. With `implicit` and `required` a certificate must verify. */
  readonly ca?: string | Buffer;
}

/** Sends through a smarthost. */
export interface Relay {
  send(mail: SmtpMail, hooks?: SendHooks): Promise<SendResult>;
  /** Finishes what is under way and closes. */
  stop(): Promise<void>;
}
