/** What a reply means: for the message, and what kind of thing stood in the way. RFC 5321 4.2, RFC 3463, RFC 7372. */
import { answerOverCode, knownAnswer } from './known-answers.ts';

export type ReplyCategory =
  // For good: nothing that time changes.
  | 'invalid_recipient'
  | 'invalid_domain'
  | 'no_mx'
  | 'relaying_denied'
  | 'authentication'
  | 'policy'
  | 'message_too_large'
  | 'content_rejected'
  // For now.
  | 'mailbox_full'
  | 'greylisted'
  | 'rate_limited'
  | 'server_busy'
  | 'connection_failed'
  | 'proxy_failed'
  | 'dns_failed'
  | 'tls_failed'
  | 'timed_out'
  | 'quota'
  | 'inactive'
  // Against the sender: never a reason to suppress a recipient.
  | 'ip_listed'
  | 'domain_listed'
  | 'reputation'
  | 'spam_content'
  | 'other';

/** Where in the session the reply came. */
export type ReplyPhase = 'connect' | 'greeting' | 'ehlo' | 'tls' | 'auth' | 'mail' | 'rcpt' | 'data' | 'body';

export interface ReplyFacts {
  readonly code: number;
  /** `5.1.1`; null: the reply has none. */
  readonly enhanced: string | null;
  /** Lines joined. */
  readonly text: string;
}

export interface ReplyMeaning {
  readonly outcome: 'delivered' | 'deferred' | 'bounced';
  /** `other` for what was delivered. */
  readonly category: ReplyCategory;
  /** True: no time changes it. A bounce for a full mailbox or a block is not hard. */
  readonly hard: boolean;
  /** Name of the rule that decided: `enhanced-5.1.1`, `gmail-unusual-rate`, `text-user-unknown`, `code-550`. */
  readonly rule: string;
}

/** Categories that say that this address does not take mail: only these may suppress a recipient. */
export const recipientCategories: ReadonlySet<ReplyCategory> = new Set([
  'invalid_recipient',
  'invalid_domain',
  'no_mx',
]);

/** Categories that no time changes, when the answer was for good; `other`: nobody said that time would. */
const hardCategories: ReadonlySet<ReplyCategory> = new Set([
  'invalid_recipient',
  'invalid_domain',
  'no_mx',
  'relaying_denied',
  'authentication',
  'policy',
  'message_too_large',
  'content_rejected',
  'other',
]);

/** Enhanced codes that mean one thing whoever says them, without their class. */
const byDetail: Readonly<Record<string, ReplyCategory>> = {
  '1.1': 'invalid_recipient',
  '1.2': 'invalid_domain',
  '1.3': 'invalid_recipient',
  '1.4': 'invalid_recipient',
  '1.6': 'invalid_recipient',
  '2.2': 'mailbox_full',
  '2.3': 'message_too_large',
  '3.4': 'message_too_large',
  '4.3': 'dns_failed',
  '4.4': 'dns_failed',
  '7.10': 'tls_failed',
  '7.11': 'tls_failed',
  '7.20': 'authentication',
  '7.21': 'authentication',
  '7.22': 'authentication',
  '7.23': 'authentication',
  '7.24': 'authentication',
  '7.25': 'authentication',
  '7.26': 'authentication',
  '7.27': 'authentication',
  '7.28': 'rate_limited',
  '7.29': 'tls_failed',
  '7.30': 'authentication',
  '7.32': 'authentication',
  '7.509': 'authentication',
  '7.511': 'ip_listed',
  '7.515': 'authentication',
  '7.650': 'rate_limited',
  '7.708': 'reputation',
};

/** Those that mean another thing when it is for good. */
const byDetailForGood: Readonly<Record<string, ReplyCategory>> = {
  // "Unable to route": the host is not there, now and later.
  '4.4': 'invalid_domain',
};
const noDetail: Readonly<Record<string, ReplyCategory>> = {};

const byClass = (code: number): Readonly<Record<string, ReplyCategory>> =>
  code >= 500 ? byDetailForGood : noDetail;

/** Codes that are given for nothing else: no words of the text stand against them. */
const certain: ReadonlySet<string> = new Set([
  '7.20',
  '7.21',
  '7.22',
  '7.23',
  '7.24',
  '7.25',
  '7.26',
  '7.27',
  '7.28',
  '7.30',
  '7.32',
  '7.509',
  '7.511',
  '7.515',
  '7.650',
  '7.708',
]);

/** Those that are said of many things: only when the words say nothing. */
const byVagueDetail: Readonly<Record<string, ReplyCategory>> = {
  '1.0': 'invalid_recipient',
  // Null MX by RFC 7505; Exchange says it of unknown recipients.
  '1.10': 'no_mx',
  '1.7': 'policy',
  '1.8': 'policy',
  '2.0': 'inactive',
  '2.1': 'inactive',
  '2.4': 'invalid_recipient',
  '3.0': 'server_busy',
  '3.1': 'quota',
  '3.2': 'server_busy',
  '3.5': 'server_busy',
  '4.0': 'server_busy',
  '4.1': 'connection_failed',
  '4.2': 'connection_failed',
  '4.5': 'server_busy',
  '4.6': 'server_busy',
  '4.7': 'timed_out',
  '5.3': 'rate_limited',
  '6.0': 'content_rejected',
  '6.1': 'content_rejected',
  '6.2': 'content_rejected',
  '6.3': 'content_rejected',
  '6.5': 'content_rejected',
  '6.7': 'content_rejected',
  '7.0': 'policy',
  '7.1': 'policy',
  '7.2': 'policy',
  '7.500': 'server_busy',
};

/** Detail of an enhanced code, `7.1` of `5.7.1`; undefined: it is none, or of another class than the reply code. */
const detailOf = (enhanced: string | null, code: number): string | undefined => {
  if (enhanced === null) return undefined;
  const match = /^([245])\.(\d{1,3}\.\d{1,3})$/.exec(enhanced);
  if (match === null || Number(match[1]) !== Math.floor(code / 100)) return undefined;
  return match[2];
};

/** 5.7.606 to 5.7.649: an address that Microsoft has banned. */
const isBannedRange = (detail: string): boolean => {
  const [subject, number] = detail.split('.');
  const value = Number(number);
  return subject === '7' && value >= 606 && value <= 649;
};

const byCode = (code: number, phase: ReplyPhase): ReplyCategory => {
  const ofRecipient = phase === 'rcpt';
  switch (code) {
    case 421:
    case 450:
    case 451:
      return 'server_busy';
    case 452:
      return ofRecipient ? 'mailbox_full' : 'server_busy';
    case 454:
      return 'tls_failed';
    case 521:
    case 556:
      return 'no_mx';
    case 523:
      return 'message_too_large';
    case 530:
      return 'tls_failed';
    case 535:
      return 'authentication';
    case 550:
      // Said of blocked senders as often as of unknown users: without words for it the recipient is not blamed.
      return ofRecipient ? 'other' : 'policy';
    case 551:
      return 'invalid_recipient';
    case 552:
      return ofRecipient ? 'mailbox_full' : 'message_too_large';
    case 553:
      return ofRecipient ? 'invalid_recipient' : 'policy';
    case 554:
      return phase === 'body' ? 'content_rejected' : 'policy';
    default:
      return code < 500 ? 'server_busy' : 'other';
  }
};

interface Verdict {
  readonly category: ReplyCategory;
  readonly rule: string;
}

/** Words that count more than codes, then enhanced code, provider's words, common words, vague code, reply code. */
const verdictOn = (reply: ReplyFacts, phase: ReplyPhase): Verdict => {
  const detail = detailOf(reply.enhanced, reply.code);
  const enhancedRule = `enhanced-${reply.enhanced}`;
  if (detail !== undefined) {
    const strong = answerOverCode(reply.text, reply.code);
    if (strong !== undefined && !certain.has(detail)) return strong;
    const category = isBannedRange(detail) ? 'ip_listed' : (byClass(reply.code)[detail] ?? byDetail[detail]);
    if (category !== undefined) return { category, rule: enhancedRule };
  }
  const known = knownAnswer(reply.text, reply.code);
  if (known !== undefined) return known;
  const vague = detail === undefined ? undefined : byVagueDetail[detail];
  if (vague !== undefined) return { category: vague, rule: enhancedRule };
  return { category: byCode(reply.code, phase), rule: `code-${reply.code}` };
};

/** Before MAIL a reply is about the session, not about the message. */
const isOfSession = (phase: ReplyPhase): boolean => {
  switch (phase) {
    case 'connect':
    case 'greeting':
    case 'ehlo':
    case 'tls':
    case 'auth':
      return true;
    case 'mail':
    case 'rcpt':
    case 'data':
    case 'body':
      return false;
    default:
      return phase satisfies never;
  }
};

const meaningOf = (outcome: ReplyMeaning['outcome'], { category, rule }: Verdict): ReplyMeaning => ({
  outcome,
  category,
  hard: outcome === 'bounced' && hardCategories.has(category),
  rule,
});

/**
 * What a reply means, at delivery time and in a bounce. A 5xx is for good, except where it is about the session
 * (RFC 5321 3.1: another host, or later) or about TLS that the next connection can do better. A reply that is no reply
 * (outside 200 to 599) defers.
 */
export const classifyReply = (reply: ReplyFacts, phase: ReplyPhase): ReplyMeaning => {
  const { code } = reply;
  if (code >= 200 && code < 300)
    return { outcome: 'delivered', category: 'other', hard: false, rule: `code-${code}` };
  const verdict = verdictOn(reply, phase);
  const isForGood = code >= 500 && code < 600 && !isOfSession(phase) && verdict.category !== 'tls_failed';
  return meaningOf(isForGood ? 'bounced' : 'deferred', verdict);
};

/** What went wrong without a reply. */
export type FailureKind =
  | 'no_mx'
  | 'no_domain'
  | 'dns'
  | 'connect'
  /** Our own proxy on the way: nothing is known of the server. */
  | 'proxy'
  | 'tls'
  | 'timeout'
  /** The connection closed, or spoke no SMTP, in the middle. */
  | 'lost';

/** What a failure without a reply means. RFC 7505 for null MX. */
export const classifyFailure = (kind: FailureKind): ReplyMeaning => {
  const rule = `failure-${kind}`;
  switch (kind) {
    case 'no_mx':
      return meaningOf('bounced', { category: 'no_mx', rule });
    case 'no_domain':
      return meaningOf('bounced', { category: 'invalid_domain', rule });
    case 'dns':
      return meaningOf('deferred', { category: 'dns_failed', rule });
    case 'connect':
    case 'lost':
      return meaningOf('deferred', { category: 'connection_failed', rule });
    case 'proxy':
      return meaningOf('deferred', { category: 'proxy_failed', rule });
    case 'tls':
      return meaningOf('deferred', { category: 'tls_failed', rule });
    case 'timeout':
      return meaningOf('deferred', { category: 'timed_out', rule });
    default:
      return kind satisfies never;
  }
};
