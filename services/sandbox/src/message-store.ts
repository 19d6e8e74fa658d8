/** What a check of SPF, DKIM and DMARC found, in the words of RFC 8601. */
export interface AuthResults {
  readonly state: 'pending' | 'done' | 'skipped';
  readonly spf?: { readonly result: string; readonly domain: string };
  readonly dkim?: readonly {
    readonly result: string;
    readonly domain: string;
    readonly selector: string;
    readonly algorithm: string;
    readonly aligned: boolean;
    readonly comment?: string;
  }[];
  readonly dmarc?: { readonly result: string; readonly domain: string; readonly policy: string };
}

/** An accepted mail, as `GET /messages` shows it. */
export interface ReceivedMessage {
  readonly id: string;
  readonly isp: string;
  /** MX host name whose address took it. */
  readonly mx_host: string;
  /** Epoch ms of the final dot. */
  readonly received_at: number;
  /** The same with microseconds, from a monotonic clock. */
  readonly received_at_precise: number;
  readonly envelope: { readonly mail_from: string; readonly rcpt_to: readonly string[] };
  /** Parameters of MAIL FROM: `SMTPUTF8`, `BODY=8BITMIME`, `SIZE=1234`. */
  readonly mail_parameters: readonly string[];
  readonly client: { readonly address: string; readonly port: number; readonly ehlo: string };
  /** Number of this mail in its connection, from 1. */
  readonly mail_of_connection: number;
  readonly tls: null | {
    readonly protocol: string;
    readonly cipher: string;
    readonly server_name: string | null;
  };
  readonly size: number;
  readonly message_id: string | null;
  readonly subject: string | null;
  /** Header fields in order, unfolded; names as they came. */
  readonly headers: readonly { readonly name: string; readonly value: string }[];
  /** The source as it was sent, dot-stuffing removed; byte for byte (latin1) when not UTF-8. Absent unless `keep: all`. */
  readonly raw?: string;
  readonly auth: AuthResults;
}

/** Which mails; every given field must match. */
export interface MessageQuery {
  /** Recipient of the envelope, case-insensitive. */
  readonly to?: string;
  readonly from?: string;
  readonly isp?: string;
  /** Only mails received at or after this epoch ms. */
  readonly since?: number;
  /** Substring of recipient, sender or subject. */
  readonly search?: string;
  /** Default 50. */
  readonly limit?: number;
  /** Waits until `min` (default 1) mails are there, checked for SPF, DKIM and DMARC; at most this long. */
  readonly waitMs?: number;
  readonly min?: number;
}
