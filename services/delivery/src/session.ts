/** What a lane sends through: an SMTP connection to an exchanger, or one of a relay's places. */
import type { Relay, SendHooks, SendResult, SmtpConnection, SmtpMail } from '@millrace/smtp';
import type { TlsFacts } from './delivery-event.ts';

/** An open way to a destination, good for many mails. */
export interface Session {
  /** Host that answers. */
  readonly host: string;
  readonly remoteAddress: string | null;
  readonly tls: TlsFacts;
  /** False: it takes no mail any more. */
  readonly usable: boolean;
  /** A mail may be given now. */
  readonly ready: boolean;
  /** A mail given now goes out in one piece with the one before it. */
  readonly joins: boolean;
  /** Mails that were begun. */
  readonly deliveries: number;
  send(mail: SmtpMail, hooks: SendHooks): Promise<SendResult>;
  /** Called once when it is gone. */
  onClosed(listener: () => void): void;
  /** Finishes what is under way and ends. Never rejects. */
  quit(): Promise<void>;
}

const tlsFactsOf = ({ facts: { tls } }: SmtpConnection): TlsFacts =>
  tls === null
    ? null
    : {
        protocol: tls.protocol,
        cipher: tls.cipher,
        verified: tls.verified,
        subject: tls.subject,
        issuer: tls.issuer,
        expires_at: tls.expires_at === null ? null : Date.parse(tls.expires_at),
      };

/** A connection to an exchanger as a session. */
export const smtpSession = (connection: SmtpConnection): Session => ({
  host: connection.facts.host,
  remoteAddress: connection.facts.remoteAddress,
  tls: tlsFactsOf(connection),
  get usable() {
    return connection.usable;
  },
  get ready() {
    return connection.ready;
  },
  get joins() {
    return connection.joins;
  },
  get deliveries() {
    return connection.deliveries;
  },
  send: (mail, hooks) => connection.send(mail, hooks),
  onClosed: (listener) => connection.onClosed(listener),
  quit: () => connection.quit(),
});

/** One place in a relay's own pool of connections: one mail at a time. */
export const relaySession = (relay: Relay, host: string): Session => {
  let sending = false;
  let ended = false;
  let deliveries = 0;
  return {
    host,
    remoteAddress: null,
    tls: null,
    get usable() {
      return !ended;
    },
    get ready() {
      return !ended && !sending;
    },
    joins: false,
    get deliveries() {
      return deliveries;
    },
    send: async (mail, hooks) => {
      sending = true;
      deliveries += 1;
      try {
        return await relay.send(mail, hooks);
      } finally {
        sending = false;
      }
    },
    onClosed: () => undefined,
    quit: async () => {
      ended = true;
    },
  };
};
