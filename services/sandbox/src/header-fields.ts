import { isUtf8 } from 'node:buffer';

/** The header of a mail with the empty line below it. */
export function headerOf(content: Buffer): Buffer {
  if (content.indexOf('\r\n') === 0) return content.subarray(0, 2);
  const end = content.indexOf('\r\n\r\n');
  return end === -1 ? content : content.subarray(0, end + 4);
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

/** Message-ID without its brackets, straight from the bytes; '' when there is none. */
export function messageIdOf(content: Buffer): string {
  return /^message-id:\s*<?([^>\r\n]+)/im.exec(headerOf(content).toString('latin1'))?.[1]?.trim() ?? '';
}
