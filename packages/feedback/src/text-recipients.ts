/** Failed addresses in the words of a report: by the rules of its origin, else by what all servers have in common. */
import { isDaemon, normal, sameAddress } from './addresses.ts';
import { lines, type OriginTable } from './origins/origin-table.ts';

export interface TextRecipient {
  readonly address: string;
  /** What the words say of this recipient; empty: nothing in particular. */
  readonly diagnostic: string;
  readonly evidence: 'rule' | 'text';
  /** 0 to 1. */
  readonly confidence: number;
}

/** Characters of the words that are searched. */
const mostWords = 30_000;
/** Recipients of one report. */
const mostRecipients = 1_000;
/** Characters that may be about one recipient. */
const mostAbout = 1_500;

/** An address that a line begins with. */
const lineStart = lines(
  String.raw`^[ \t>*•.|-]{0,20}(?:\d{1,2}[.)] )?['"\[(]{0,2}ADDR['"\])]{0,2}[ \t]{0,4}(?:$|[:;,]|\.\.\.|-|\[|\(|=| (?:on|was|is|does|has|could|can|cannot|not|user|unknown|no|account|mailbox|because|failed|host|SMTP|\d{3})\b)`,
);
/** Characters after the first address in which others may follow it, a line for each. */
const mostBetween = 600;

/** What servers have in common, the surest first. */
const common: readonly {
  readonly pattern: RegExp;
  readonly confidence: number;
  /** Nobody is meant by it but who failed, even who the report was sent to. */
  readonly sure?: true;
}[] = [
  { pattern: lines(String.raw`\bRCPT[ _]TO:[ \t]{0,4}ADDR`), confidence: 0.9, sure: true },
  {
    pattern: lines(
      String.raw`\b(?:(?:not|n't) (?:be )?(?:delivered|sent|reach|received by|forwarded|relayed|transmitted)(?: to)?|undeliverable to|was addressed(?: to)?,?|failed to (?:deliver|send)(?: mail| message)?(?: to)?|(?:unable|impossible) to (?:deliver|send|relay)(?: (?:your |the |this )?(?:e-?mail|mail|message))?(?: to)?|delivery to|could not deliver (?:your |the )?(?:mail|message)? ?to|n'a pas pu (?:e|ê)tre (?:d[ée]livr[ée]|remis|distribu[ée]) (?:a|à))(?: the)?(?: following)?(?: (?:user|recipient|address|mailbox|person)s?)?[\s:'"\[(]{1,8}(?:"[^"\n]{1,80}"\s{1,4})?ADDR`,
    ),
    confidence: 0.85,
    sure: true,
  },
  {
    pattern: lines(
      String.raw`^[ \t>*|-]{0,12}(?:(?:final|original|failed|intended|invalid|bad|e-?mail|delivery|problem) ){0,2}(?:recipient|address|rcpt|to|user|mailbox|addressed to|account|e-?mail|addressee|undeliverable to|failed to deliver to|unknown user|unknown local user|destinataire|empf(?:ä|ae)nger|destinatario|destinat[aá]rio|адрес|получатель|宛先|收件人|收信人)(?:\(?e?s?\)?)?(?: address)?[ \t]{0,4}[:：=][ \t]{0,4}['"\[(]{0,2}(?:smtp:|rfc822;)?[ \t]{0,4}ADDR`,
    ),
    confidence: 0.8,
  },
  { pattern: lineStart, confidence: 0.7 },
  {
    pattern: lines(
      String.raw`^[ \t>]{0,20}(?:\d{3}[ -])?(?:<{3}|>{3})?[ \t]?(?:\d{3}[ -])?(?:#?\d\.\d\.\d{1,3} )?ADDR`,
    ),
    confidence: 0.65,
  },
  {
    pattern: lines(
      String.raw`(?:\b(?:to|for|address(?:es)?|recipients?|user|account|mailbox|named|an|von|para|pour|vers|адрес\w{0,3}|following|send(?:ing)? to|reach(?:ing)?|member|person|deliver(?:y|ed)?|contact(?:ing)?|email|mail)\)?:?|[:>])[ \t\n]{1,4}['"\[(]{0,2}ADDR`,
    ),
    confidence: 0.55,
  },
  { pattern: lines('ADDR'), confidence: 0.4 },
];

/** After this the words name who failed; what stands before may be the message's own To. */
const announced =
  /(?:(?:did|could|has|was|were|been|can|is)(?: ?not|n't) (?:be )?(?:reach(?:ed)?|deliver(?:ed)?|sent|received?)(?: by| to)?|(?:delivery|deliver|failed|errors?|problems?|undeliverable|returned)[^\n:]{0,60})[^\n:]{0,40}\b(?:following|these|one or more)[^\n:]{0,60}(?:recipient|address|user|destination|mailbox)[^\n:]{0,60}[:.]|following (?:recipient|address|user)(?:\(?e?s?\)?)[^\n:]{0,60}:|following address(?:\(?es\)?)? (?:failed|had)[^\n]{0,80}/i;

/** Words that an address stands in when it is whom to ask, not who failed. */
const toAsk =
  /(?:contact|ask|e-?mail|write|forward|send|report|questions?|help|assistance|support|problems?|reply|respond|from|sender|originator|complain|by|via)(?:[^\n.]{0,40}?)\s(?:to|at|with|is|by|us|from|through)?:?\s{0,3}["'([<]{0,2}$|(?:\bfrom|sender|reply-to|return-path|message-id|postmaster|abuse|administrator|von|de|in-reply-to|references|originator|reporting-mta|subject)\s{0,3}[:=]\s{0,3}["'([<]{0,2}$|mailto:$/i;

export interface Bystanders {
  /** Who wrote the report, and those that it was sent to: not who failed. */
  readonly addresses: readonly string[];
  /** Domain of the local users that the words name. */
  readonly localDomain: string;
  /** To of the returned message, and what a VERP address names: who may have failed, even when they are bystanders. */
  readonly expected: readonly string[];
}

const isOneOf = (address: string, list: readonly string[]): boolean =>
  list.some((one) => sameAddress(one, address));

const mayHaveFailed = (address: string, { addresses, expected }: Bystanders): boolean =>
  isOneOf(address, expected) || (!isDaemon(address) && !isOneOf(address, addresses));

interface Found {
  readonly address: string;
  readonly begin: number;
  readonly end: number;
  readonly diagnostic: string | undefined;
}

const find = (
  pattern: RegExp,
  words: string,
  bystanders: Bystanders,
  careful: boolean,
  sure: boolean,
): readonly Found[] => {
  const found: Found[] = [];
  for (const match of words.matchAll(pattern)) {
    const { address: whole, local, diagnostic } = match.groups ?? {};
    const text = whole ?? (local === undefined ? undefined : `${local}@${bystanders.localDomain}`);
    if (text === undefined) continue;
    const address = normal(text.replace(/^['`"]+/, '').replace(/[.']+$/, ''));
    if (sure ? isDaemon(address) : !mayHaveFailed(address, bystanders)) continue;
    const begin = match.index + match[0].indexOf(whole ?? local ?? '');
    if (
      careful &&
      !isOneOf(address, bystanders.expected) &&
      toAsk.test(words.slice(Math.max(0, begin - 60), begin))
    )
      continue;
    found.push({ address, begin, end: match.index + match[0].length, diagnostic });
    if (found.length >= mostRecipients) break;
  }
  return found;
};

/** Lines of a paragraph that are about one recipient. */
const mostLines = 25;

/** The first paragraph that says something: another one after it is about something else. */
const paragraphOf = (text: string): string => {
  const kept: string[] = [];
  for (const line of text.split('\n', mostLines * 2)) {
    if (line.trim() !== '') kept.push(line);
    else if (kept.length > 0) break;
    if (kept.length === mostLines) break;
  }
  return kept.join('\n');
};

/** Each address once, with what follows it up to the next one. */
const described = (
  found: readonly Found[],
  words: string,
  evidence: TextRecipient['evidence'],
  confidence: number,
): readonly TextRecipient[] => {
  const about = new Map<string, TextRecipient>();
  for (const [index, { address, end, diagnostic }] of found.entries()) {
    const next = found.slice(index + 1).find((one) => !sameAddress(one.address, address))?.begin;
    const after = words.slice(end, Math.min(next ?? words.length, end + mostAbout));
    const paragraph = paragraphOf(after);
    const text = (diagnostic ?? paragraph).replace(/\s+/g, ' ').trim();
    const key = address.toLowerCase();
    const before = about.get(key);
    if (before === undefined || (before.diagnostic === '' && text !== ''))
      about.set(key, { address: before?.address ?? address, diagnostic: text, evidence, confidence });
  }
  return [...about.values()];
};

/** The failed recipients that the words name, by the first pattern that finds one. */
export const textRecipients = (
  text: string,
  table: OriginTable | undefined,
  bystanders: Bystanders,
): readonly TextRecipient[] => {
  const words = text.slice(0, mostWords);
  for (const pattern of table?.recipients ?? []) {
    const found = find(pattern, words, bystanders, false, false);
    if (found.length > 0) return described(found, words, 'rule', 0.9);
  }
  if (!words.includes('@')) return [];
  const start = announced.exec(words);
  const parts = start === null ? [words] : [words.slice(start.index + start[0].length), words];
  for (const part of parts) {
    for (const { pattern, confidence, sure = false } of common) {
      const found = find(pattern, part, bystanders, !sure, sure);
      if (found.length === 0) continue;
      if (sure) {
        const more = find(lineStart, part, bystanders, true, false).filter(
          ({ begin }) => begin > (found[0]?.begin ?? 0) && begin < (found.at(-1)?.end ?? 0) + mostBetween,
        );
        const all = [...found, ...more].toSorted((one, other) => one.begin - other.begin);
        return described(all, part, 'text', confidence);
      }
      // What is only somewhere in the words must not stand beside who the message was really for.
      const certain = found.filter(({ address }) => isOneOf(address, bystanders.expected));
      return described(confidence < 0.6 && certain.length > 0 ? certain : found, part, 'text', confidence);
    }
  }
  return [];
};

/** What the words say near an address, longest first: replies to `RCPT TO` stand in a transcript of their own. */
export const nearAddress = (words: string, address: string): string => {
  const lower = words.slice(0, mostWords).toLowerCase();
  const wanted = address.toLowerCase();
  let best = '';
  for (
    let at = lower.indexOf(wanted), tries = 0;
    at >= 0 && tries < 8;
    at = lower.indexOf(wanted, at + 1), tries++
  ) {
    const around = words.slice(Math.max(0, words.lastIndexOf('\n', at)), at + wanted.length + 500);
    if (/(?<!\d)[45]\d\d[ -]|[45]\.\d\.\d/.test(around) && best === '') best = around;
  }
  return best.replace(/\s+/g, ' ').trim();
};
