/** What came back of the message: where it begins in a text, and what helps to find it. */
import { addressesOf, addressOf } from './addresses.ts';
import { type Fields, field, parseFields, readable } from './fields.ts';
import type { ReturnedMessage } from './report.ts';

/** Lines that servers write above the message that they give back. */
const heading = new RegExp(
  [
    // "------ This is a copy of the message, including all the headers. ------" and its like.
    String.raw`^[ \t>]*[-*=_+#]{2,}[ \t]*(?:this is a copy of|below this line|below is|(?:begin(?:ning)? of )?(?:the )?(?:your )?original (?:message|mail)|returned (?:message|mail)|the header|header of|headers? of|message header|copy of|unsent message|undelivered message|begin message|message (?:text|follows|content|contents)|(?:the )?(?:body|text) of (?:the|your)|unsent|return(?:ed)? (?:content|header)|message contents? follows|forwarded message|enclosed|attached|included is|original (?:e-?mail|header)|rejected message|your message|元のメッセージ)`,
    String.raw`^[ \t]*(?:a copy of (?:the|your) (?:original )?message|(?:the )?(?:text|headers?|body|contents?) of (?:the|your) (?:original )?(?:message|mail|e-?mail)|your (?:original )?(?:message|mail)(?: (?:text|headers?))? (?:reads|follows|is (?:attached|below|included|enclosed|appended))|(?:here|this|below) is (?:a copy of )?(?:the|your) (?:original |returned |undelivered )?(?:message|mail)|original message (?:headers?|details|follows|text)|message headers? follow|copy of (?:the|your) (?:original )?message|(?:the )?(?:original|returned|undelivered|unsent) message (?:follows|is (?:attached|included|below)|below)|included (?:is|below is) a copy|(?:the )?first \d+ lines of|message text follows|----+ ?original message)[^\n]{0,120}$`,
    '^-----Original Message-----',
  ].join('|'),
  'im',
);

const headerName =
  /^(?:received|return-path|message-id|mime-version|content-type|content-transfer-encoding|date|from|to|cc|subject|reply-to|sender|delivered-to|dkim-signature|x-[\w-]+|in-reply-to|references|list-[\w-]+|envelope-to|delivery-date|user-agent|importance|precedence|organization|feedback-id|errors-to)[ \t]*:/i;
const certainName = /^(?:received|return-path|message-id|mime-version|dkim-signature|x-mailer)[ \t]*:/i;

/** Index of the first line of a block of header fields; -1: there is none. */
const headerBlock = (text: string): number => {
  let at = 0;
  let begin = -1;
  let fields = 0;
  let certain = false;
  while (at < text.length) {
    const feed = text.indexOf('\n', at);
    const end = feed < 0 ? text.length : feed;
    const line = text.slice(at, Math.min(end, at + 200)).replace(/^> ?/, '');
    if (headerName.test(line)) {
      if (fields === 0) begin = at;
      fields++;
      certain ||= certainName.test(line);
      if (fields >= 3 && certain) return begin;
    } else if (!/^[ \t]+\S/.test(line)) {
      fields = 0;
      certain = false;
    }
    at = end + 1;
  }
  return -1;
};

/** The words of the report, and the message that follows them in the same text. */
export const splitAtReturned = (
  text: string,
): { readonly words: string; readonly message: string | null } => {
  const block = headerBlock(text);
  const found = heading.exec(block < 0 ? text : text.slice(0, block));
  // A heading in front of everything is that of the report itself.
  const cut = found !== null && text.slice(0, found.index).trim().length > 20 ? found.index : block;
  if (cut < 0) return { words: text, message: null };
  const rest = text.slice(cut);
  const inner = headerBlock(rest);
  return { words: text.slice(0, cut), message: inner < 0 ? null : rest.slice(inner).replace(/^> ?/gm, '') };
};

const id = (value: string | undefined): string | null => {
  const match = /<([^<>\s]{1,300})>/.exec(value ?? '')?.[1];
  if (match !== undefined) return match;
  const bare = value?.trim() ?? '';
  return bare === '' || /\s/.test(bare) ? null : bare.slice(0, 300);
};

/** Message-IDs of In-Reply-To or References. */
export const idsIn = (value: string | undefined): readonly string[] =>
  [...(value ?? '').slice(0, 20_000).matchAll(/<([^<>\s]{1,300})>/g)]
    .map((match) => match[1] ?? '')
    .slice(0, 50);

/** A returned message has so many X-fields at most that are kept. */
const mostXHeaders = 60;

export const returnedMessage = (fields: Fields): ReturnedMessage | null => {
  if (fields.size === 0) return null;
  const xHeaders = [...fields]
    .filter(([name]) => name.startsWith('x-'))
    .slice(0, mostXHeaders)
    .map(([name, values]) => [name, (values[0] ?? '').slice(0, 1_000)] as const);
  return {
    messageId: id(field(fields, 'message-id', 'original-message-id')),
    feedbackId: field(fields, 'feedback-id')?.slice(0, 300) ?? null,
    from: addressOf(field(fields, 'from', 'sender')) ?? null,
    to: addressesOf(field(fields, 'to')),
    subject: readable(fields, 'subject')?.slice(0, 1_000) ?? null,
    date: field(fields, 'date')?.slice(0, 100) ?? null,
    returnPath: addressOf(field(fields, 'return-path')) ?? null,
    listUnsubscribe: field(fields, 'list-unsubscribe')?.slice(0, 2_000) ?? null,
    xHeaders: Object.fromEntries(xHeaders),
  };
};

/** Header fields of a returned message, whole or only its header. */
export const returnedFields = (text: string): Fields => {
  const start = text.replace(/^\s+/, '').replace(/^>?From [^\n]{0,500}\n/, '');
  const end = start.search(/\n[ \t]*\n/);
  return parseFields((end < 0 ? start : start.slice(0, end)).slice(0, 65_536));
};
