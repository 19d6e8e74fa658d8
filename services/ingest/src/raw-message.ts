/** What submission must know of a whole RFC 5322 message. Its bytes stay as they are. */

const cr = 0x0d;
const lf = 0x0a;

/** One field of the header, and where it lies: from `start` up to and without `end`, line end included. */
export interface RawField {
  readonly name: string;
  /** Unfolded, without the space around it; bytes as Latin-1 characters. */
  readonly value: string;
  readonly start: number;
  readonly end: number;
}

/** The message with CRLF wherever a line ended with LF alone: SMTP knows no other line end (RFC 5321 2.3.8). */
export const withCrlf = (message: Buffer): Buffer => {
  let bare = 0;
  for (let at = message.indexOf(lf); at !== -1; at = message.indexOf(lf, at + 1)) {
    if (at === 0 || message[at - 1] !== cr) bare += 1;
  }
  if (bare === 0) return message;
  const result = Buffer.allocUnsafe(message.length + bare);
  let from = 0;
  let to = 0;
  for (let at = message.indexOf(lf); at !== -1; at = message.indexOf(lf, at + 1)) {
    if (at !== 0 && message[at - 1] === cr) continue;
    to += message.copy(result, to, from, at);
    result[to] = cr;
    to += 1;
    from = at;
  }
  message.copy(result, to, from);
  return result;
};

const fieldStart = /^([!-9;-~]+)[ \t]*:/;

/** Header fields in their order, up to the empty line. Lines that are no field are passed over. */
export const headerFields = (message: Buffer): readonly RawField[] => {
  const blank = message.indexOf('\r\n\r\n');
  const end = blank === -1 ? message.length : blank + 2;
  const fields: RawField[] = [];
  let start = 0;
  while (start < end) {
    let next = lineEnd(message, start, end);
    while (next < end && (message[next] === 0x20 || message[next] === 0x09))
      next = lineEnd(message, next, end);
    const text = message.toString('latin1', start, next);
    const name = fieldStart.exec(text);
    if (name?.[1] !== undefined) {
      const value = text.slice(name[0].length).replaceAll(/\r?\n(?=[ \t])/g, '');
      fields.push({ name: name[1], value: value.trim(), start, end: next });
    }
    start = next;
  }
  return fields;
};

const lineEnd = (message: Buffer, from: number, end: number): number => {
  const at = message.indexOf(lf, from);
  return at === -1 || at >= end ? end : at + 1;
};

/** The value of a field as text: header bytes beyond ASCII are UTF-8 (RFC 6532). */
export const fieldText = (field: RawField): string => Buffer.from(field.value, 'latin1').toString('utf8');

/** The fields of one name, whatever their case. */
export const fieldsNamed = (fields: readonly RawField[], name: string): readonly RawField[] => {
  const lower = name.toLowerCase();
  return fields.filter((field) => field.name.toLowerCase() === lower);
};

/** The message without some of its fields; every other byte as it was. */
export const withoutFields = (message: Buffer, removed: readonly RawField[]): Buffer => {
  if (removed.length === 0) return message;
  const parts: Buffer[] = [];
  let from = 0;
  for (const field of removed) {
    parts.push(message.subarray(from, field.start));
    from = field.end;
  }
  parts.push(message.subarray(from));
  return Buffer.concat(parts);
};
