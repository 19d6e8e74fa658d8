/** From what a report says of a recipient to the same classifier that judges replies at delivery time. */
import { classifyReply, type ReplyMeaning, type ReplyPhase } from '@millrace/core';
import type { ReportAction } from './report.ts';

/** A reply that was found in words. */
export interface FoundReply {
  readonly code: number | null;
  /** `5.1.1`. */
  readonly enhanced: string | null;
}

export interface Diagnosis extends ReplyMeaning {
  readonly status: string | null;
  readonly replyCode: number | null;
}

const replyText =
  /(?<![\d.#/:[-])\b([45]\d\d)(?:(?: |-| - |: |, |; ?|-#| #| \(#|\()([245]\.\d{1,3}\.\d{1,3})(?![\d.]*\d)|(?=[- :,;)\]]|$))/g;
const enhancedText = /(?<![\d.])([45]\.\d{1,3}\.\d{1,3})(?!\.?\d)/;
/** Words right before a number that make it a reply. */
const introduces =
  /(?:said|<<<|replied|returned|response|responded|error|was|code|reason|status|answer|with|message|smtp|:|\(|^|;|\bto)[\s:;"'<(]{0,4}$/i;
/** Words right after a number that make it something else. */
const measures =
  /^\s{0,2}(?:hours?|days?|minutes?|seconds?|bytes?|kb|k\b|mb|recipients?|messages?|lines?|times|[A-Z]\w+ (?:Ave|St|Street|Road)|%)/i;

/** The reply code and enhanced code in a text: those that words introduce before those that only stand there. */
const replyIn = (text: string): FoundReply => {
  let code: number | null = null;
  let enhanced: string | null = null;
  for (const match of text.matchAll(replyText)) {
    const end = match.index + match[0].length;
    const introduced =
      match[2] !== undefined || introduces.test(text.slice(Math.max(0, match.index - 16), match.index));
    if (measures.test(text.slice(end, end + 30))) continue;
    if (code !== null && !introduced) continue;
    const before = code;
    code = Number(match[1]);
    enhanced = match[2] ?? enhanced;
    if (introduced) break;
    if (before !== null) break;
  }
  if (enhanced === null) {
    const found = enhancedText.exec(text)?.[1] ?? null;
    if (found !== null && (code === null || found[0] === String(code)[0])) enhanced = found;
  }
  return { code, enhanced };
};

/** Where in the session the answer came, by the words of the report. */
const phaseOf = (text: string): ReplyPhase => {
  if (
    /end of DATA|in reply to (?:end of )?DATA|after (?:end of )?data|DATA command|message content|pipelined data/i.test(
      text,
    )
  )
    return 'body';
  return 'rcpt';
};

/** Class of a status as a reply code with which nothing else is said. */
const codeOfClass = (status: string | null, action: ReportAction): number => {
  if (status !== null) return status.startsWith('4') ? 400 : 500;
  return action === 'delayed' ? 400 : 500;
};

/** A code that says no more than its class. */
const isEmpty = (status: string | null): boolean => status === null || /^[245]\.0\.0$/.test(status);

/** A status that many things are said with. */
const isVague = (status: string): boolean => /^[45]\.(?:[0-6]\.0|7\.[01]|5\.\d)$/.test(status);

interface Judged {
  readonly meaning: ReplyMeaning;
  readonly found: FoundReply;
}

const judge = (text: string, status: string | null, action: ReportAction): Judged => {
  const words = text.slice(0, 3_000);
  const found = replyIn(words);
  const code = found.code ?? codeOfClass(found.enhanced ?? status, action);
  const sameClass = (one: string | null): string | null => (one?.[0] === String(code)[0] ? one : null);
  const enhanced = isEmpty(found.enhanced) ? (sameClass(status) ?? found.enhanced) : found.enhanced;
  return { meaning: classifyReply({ code, enhanced, text: words }, phaseOf(words)), found };
};

/** True: more than the number of a reply was understood. */
const isKnown = ({ meaning }: Judged): boolean => !meaning.rule.startsWith('code-');

const telling: ReadonlySet<string> = new Set([
  'spam_content',
  'ip_listed',
  'domain_listed',
  'mailbox_full',
  'invalid_recipient',
  'authentication',
  'message_too_large',
]);

/** True: words say more than a code that is used for many things. */
const isTelling = ({ meaning }: Judged): boolean =>
  meaning.rule.startsWith('text-') && telling.has(meaning.category);

const nothing: FoundReply = { code: null, enhanced: null };

const byStatus = (status: string | null, action: ReportAction): Judged => ({
  meaning: classifyReply({ code: codeOfClass(status, action), enhanced: status, text: '' }, 'rcpt'),
  found: nothing,
});

/** What the texts say: what is said of the recipient, else its status, else what is said in the whole report. */
const verdict = (
  status: string | null,
  action: ReportAction,
  own: readonly string[],
  whole: readonly string[],
): Judged => {
  const first = own.map((text) => judge(text, status, action));
  const known = first.find(isKnown);
  const vague = known?.meaning.rule.startsWith('enhanced-') === true && isVague(known.meaning.rule.slice(9));
  if (known !== undefined) {
    const told = vague ? whole.map((text) => judge(text, status, action)).find(isTelling) : undefined;
    return told === undefined ? known : { ...told, found: known.found };
  }
  if (status !== null && !isVague(status)) {
    const judged = byStatus(status, action);
    if (isKnown(judged)) return { ...judged, found: first[0]?.found ?? nothing };
  }
  // The number of a reply that is about this recipient is worth more than words about nobody in particular.
  const numbered = first.find(({ found }) => found.code !== null && found.code !== 500 && found.code !== 550);
  if (numbered !== undefined && numbered.meaning.category !== 'other') return numbered;
  const rest = whole.map((text) => judge(text, status, action));
  return (
    rest.find(isKnown) ??
    first.find(({ found }) => found.code !== null) ??
    rest.find(({ found }) => found.code !== null) ??
    byStatus(status, action)
  );
};

/**
 * What a failure means. `own`: what the report says of this recipient, `whole`: of all of them; the most certain first.
 * A recipient that was given up after delays is no hard failure, whatever the last words were.
 */
export const diagnose = (
  status: string | null,
  action: ReportAction,
  own: readonly string[],
  whole: readonly string[],
): Diagnosis => {
  const { meaning, found } = verdict(status, action, own, whole);
  const { outcome, category, hard, rule } = meaning;
  const forNow = action === 'delayed' || (status?.startsWith('4') === true && found.code === null);
  return {
    outcome: forNow ? 'deferred' : outcome,
    category,
    hard: hard && !forNow,
    rule,
    status: isEmpty(status) ? (found.enhanced ?? status) : status,
    replyCode: found.code,
  };
};
