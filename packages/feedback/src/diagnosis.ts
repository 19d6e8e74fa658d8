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
export const replyIn = (text: string): FoundReply => {
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

/**
 * What a failure means. `texts`: what the report says of it, the most certain first; the first one that a rule knows
 * decides. A recipient that was given up after delays is no hard failure, whatever the last words were.
 */
export const diagnose = (
  status: string | null,
  action: ReportAction,
  texts: readonly string[],
): Diagnosis => {
  let best: (ReplyMeaning & FoundReply) | undefined;
  for (const [index, text] of texts.entries()) {
    const words = text.slice(0, 3_000);
    const found = replyIn(words);
    const code = found.code ?? codeOfClass(found.enhanced ?? status, action);
    const sameClass = (one: string | null): string | null => (one?.[0] === String(code)[0] ? one : null);
    const enhanced = isEmpty(found.enhanced) ? (sameClass(status) ?? found.enhanced) : found.enhanced;
    const meaning = classifyReply({ code, enhanced, text: words }, phaseOf(words));
    const { rule } = meaning;
    const judged = { ...meaning, code: found.code, enhanced: found.enhanced };
    if (!rule.startsWith('code-')) {
      best = {
        ...judged,
        code: found.code ?? best?.code ?? null,
        enhanced: found.enhanced ?? best?.enhanced ?? null,
      };
      break;
    }
    if (best === undefined || (best.code === null && found.code !== null && index < 2)) best = judged;
  }
  if (best === undefined) {
    const code = codeOfClass(status, action);
    best = { ...classifyReply({ code, enhanced: status, text: '' }, 'rcpt'), code: null, enhanced: null };
  }
  const { outcome, category, hard, rule, code, enhanced } = best;
  const forNow = action === 'delayed' || (status?.startsWith('4') === true && code === null);
  return {
    outcome: forNow ? 'deferred' : outcome,
    category,
    hard: hard && !forNow,
    rule,
    status: isEmpty(status) ? (enhanced ?? status) : status,
    replyCode: code,
  };
};
