import { isUtf8 } from 'node:buffer';
import type { IncomingMail } from './dialogue.ts';
import { decodeWords } from './encoded-words.ts';
import { headerValue, parseHeaders } from './header-fields.ts';

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

/** What is known of a mail when it is accepted. */
export interface StoredFacts {
  readonly id: string;
  readonly isp: string;
  readonly mxHost: string;
  readonly receivedAt: number;
  readonly receivedAtPrecise: number;
  readonly mail: IncomingMail;
}

interface Stored extends StoredFacts {
  /** The source, or its headers alone; undefined when neither is kept. */
  readonly content: Buffer;
  readonly complete: boolean;
  auth: AuthResults;
  shown: ReceivedMessage | undefined;
}

interface Waiter {
  readonly query: MessageQuery;
  readonly settle: () => void;
}

/** Received mails in memory, bounded by number and bytes; the oldest go first. */
export class MessageStore {
  readonly #keep: 'all' | 'headers' | 'none';
  readonly #maxMessages: number;
  readonly #maxBytes: number;
  readonly #messages = new Map<string, Stored>();
  readonly #waiters = new Set<Waiter>();
  #bytes = 0;
  #forgotten = 0;

  constructor(keep: 'all' | 'headers' | 'none', maxMessages: number, maxBytes: number) {
    this.#keep = keep;
    this.#maxMessages = maxMessages;
    this.#maxBytes = maxBytes;
  }

  get usage(): { messages: number; bytes: number; forgotten: number } {
    return { messages: this.#messages.size, bytes: this.#bytes, forgotten: this.#forgotten };
  }

  add(facts: StoredFacts, auth: AuthResults): void {
    if (this.#keep === 'none') return;
    const content = this.#keep === 'all' ? facts.mail.content() : facts.mail.header();
    const stored = { ...facts, content, complete: this.#keep === 'all', auth, shown: undefined };
    this.#messages.set(facts.id, stored);
    this.#bytes += content.length;
    while (this.#messages.size > this.#maxMessages || this.#bytes > this.#maxBytes) this.#forgetOldest();
    if (auth.state !== 'pending') this.#wake(stored);
  }

  /** The checks of a mail are done. */
  authenticated(id: string, auth: AuthResults): void {
    const stored = this.#messages.get(id);
    if (!stored) return;
    stored.auth = auth;
    stored.shown = undefined;
    this.#wake(stored);
  }

  /** Source of a mail, or its headers where no more is kept. */
  source(id: string): Buffer | undefined {
    return this.#messages.get(id)?.content;
  }

  message(id: string): ReceivedMessage | undefined {
    const stored = this.#messages.get(id);
    return stored && show(stored);
  }

  /** Newest first; waits as the query says, or until the signal ends it. */
  async find(query: MessageQuery, signal?: AbortSignal): Promise<ReceivedMessage[]> {
    const enough = Math.max(query.min ?? 1, 1);
    const wanted = Math.max(query.limit ?? 50, query.waitMs ? enough : 0);
    if (query.waitMs && this.#settled(query) < enough) await this.#wait(query, enough, query.waitMs, signal);
    return this.#matching(query, wanted).map(show);
  }

  clear(): void {
    this.#messages.clear();
    this.#bytes = 0;
    this.#forgotten = 0;
  }

  #matching(query: MessageQuery, limit: number): Stored[] {
    const found: Stored[] = [];
    const newestFirst = [...this.#messages.values()].reverse();
    for (const stored of newestFirst) {
      if (found.length >= limit) break;
      if (matches(stored, query)) found.push(stored);
    }
    return found;
  }

  #settled(query: MessageQuery): number {
    return this.#matching(query, Number.POSITIVE_INFINITY).filter((stored) => stored.auth.state !== 'pending')
      .length;
  }

  async #wait(query: MessageQuery, enough: number, waitMs: number, signal?: AbortSignal): Promise<void> {
    await new Promise<void>((resolve) => {
      const end = () => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', end);
        this.#waiters.delete(waiter);
        resolve();
      };
      let missing = enough - this.#settled(query);
      const waiter: Waiter = {
        query,
        settle: () => {
          missing--;
          if (missing <= 0) end();
        },
      };
      const timer = setTimeout(end, waitMs);
      if (signal?.aborted) end();
      signal?.addEventListener('abort', end);
      this.#waiters.add(waiter);
    });
  }

  #wake(stored: Stored): void {
    for (const waiter of this.#waiters) if (matches(stored, waiter.query)) waiter.settle();
  }

  #forgetOldest(): void {
    const oldest = this.#messages.values().next();
    if (oldest.done) return;
    this.#messages.delete(oldest.value.id);
    this.#bytes -= oldest.value.content.length;
    this.#forgotten++;
  }
}

function matches(stored: Stored, query: MessageQuery): boolean {
  const { mail } = stored;
  if (query.since !== undefined && stored.receivedAt < query.since) return false;
  if (query.isp !== undefined && !isOf(stored.isp, query.isp)) return false;
  if (query.from !== undefined && mail.mailFrom.toLowerCase() !== query.from.toLowerCase()) return false;
  if (query.to !== undefined) {
    const to = query.to.toLowerCase();
    if (!mail.rcptTo.some((recipient) => recipient.toLowerCase() === to)) return false;
  }
  if (query.search !== undefined) {
    const text = query.search.toLowerCase();
    const { subject } = show(stored);
    const places = [...mail.rcptTo, mail.mailFrom, subject ?? ''];
    if (!places.some((place) => place.toLowerCase().includes(text))) return false;
  }
  return true;
}

// `tail` means all of the long tail.
function isOf(isp: string, wanted: string): boolean {
  return isp === wanted || (wanted === 'tail' && isp.startsWith('tail-'));
}

function show(stored: Stored): ReceivedMessage {
  if (stored.shown) return stored.shown;
  const { mail } = stored;
  const headers = parseHeaders(stored.content);
  const shown: ReceivedMessage = {
    id: stored.id,
    isp: stored.isp,
    mx_host: stored.mxHost,
    received_at: stored.receivedAt,
    received_at_precise: stored.receivedAtPrecise,
    envelope: { mail_from: mail.mailFrom, rcpt_to: mail.rcptTo },
    mail_parameters: mail.mailParameters,
    client: mail.client,
    mail_of_connection: mail.mailOfConnection,
    tls: mail.tls,
    size: mail.size,
    message_id: headerValue(headers, 'message-id') ?? null,
    subject: decodedSubject(headers),
    headers,
    ...(stored.complete ? { raw: stored.content.toString(isUtf8(stored.content) ? 'utf8' : 'latin1') } : {}),
    auth: stored.auth,
  };
  stored.shown = shown;
  return shown;
}

function decodedSubject(headers: ReceivedMessage['headers']): string | null {
  const subject = headerValue(headers, 'subject');
  return subject === undefined ? null : decodeWords(subject);
}
