import { isUtf8 } from 'node:buffer';

const emptyLine = Buffer.from('\r\n\r\n');
const messageIdField = /^message-id:\s*<?([^>\r\n]+)/im;
const usualMessageId = Buffer.from('\nMessage-ID:');

/** The header of a mail with the empty line below it. */
export function headerOf(content: Buffer): Buffer {
  const end = headerEnd(content);
  return end === -1 ? content : content.subarray(0, end);
}

/** Where the body begins; -1 where no empty line was seen. */
export function headerEnd(content: Buffer): number {
  if (content[0] === 0x0d && content[1] === 0x0a) return 2;
  const end = content.indexOf(emptyLine);
  return end === -1 ? -1 : end + emptyLine.length;
}

/** Header fields in order, unfolded (RFC 5322 2.2.3); names as they came. */
export function parseHeaders(content: Buffer): { name: string; value: string }[] {
  const header = headerOf(content);
  const lines = header.toString(isUtf8(header) ? 'utf8' : 'latin1').split('\r\n');
  const fields: { name: string; value: string }[] = [];
  for (const line of lines) {
    const last = fields.at(-1);
    if (last && /^[ \t]/.test(line)) {
      last.value += line;
      continue;
    }
    const colon = line.indexOf(':');
    if (colon > 0) fields.push({ name: line.slice(0, colon), value: line.slice(colon + 1) });
  }
  return fields.map(({ name, value }) => ({ name, value: value.trim() }));
}

/** Value of the first field of this name. */
export function headerValue(
  headers: readonly { readonly name: string; readonly value: string }[],
  name: string,
): string | undefined {
  return headers.find((field) => field.name.toLowerCase() === name)?.value;
}

/** Message-ID without its brackets, straight from the bytes of a header; '' when there is none. */
export function messageIdOf(header: Buffer): string {
  return messageIdField.exec(aroundMessageId(header))?.[1]?.trim() ?? '';
}

// Of a header that spells the name as nearly all do, only this field up to its >: a piece of a longer text would keep
// all of it in memory for as long as the id is remembered.
function aroundMessageId(header: Buffer): string {
  const lineFeed = header.indexOf(usualMessageId);
  if (lineFeed === -1) return header.toString('latin1');
  const end = header.indexOf('>', lineFeed);
  return header.toString('latin1', lineFeed + 1, end === -1 ? header.length : end);
}
