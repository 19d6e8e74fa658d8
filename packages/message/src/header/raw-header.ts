/** The header of a message that somebody else made: what is in it, and where its lines are. */

const lf = 0x0a;
const cr = 0x0d;
const space = 0x20;
const tab = 0x09;

/** No name is longer; of a line without a colon no more is looked at. */
const maxName = 256;
const fieldName = /^([!-9;-~]+)[ \t]*:/;

/** One field, from `start` up to and without `end`, its CRLF included. */
export interface RawField {
  /** Lower case; empty for a line that is no field. */
  readonly name: string;
  readonly start: number;
  readonly end: number;
}

/** Where the line that holds `from` ends, behind its line end. */
const lineEnd = (message: Buffer, from: number): number => {
  const at = message.indexOf(lf, from);
  return at === -1 ? message.length : at + 1;
};

/** Fields in their order, up to the empty line or the end. Lines end with CRLF. */
export const rawFields = (message: Buffer): readonly RawField[] => {
  const fields: RawField[] = [];
  let start = 0;
  while (start < message.length && message[start] !== cr) {
    let end = lineEnd(message, start);
    while (message[end] === space || message[end] === tab) end = lineEnd(message, end);
    const name = fieldName.exec(message.toString('latin1', start, Math.min(end, start + maxName)))?.[1] ?? '';
    fields.push({ name: name.toLowerCase(), start, end });
    start = end;
  }
  return fields;
};
