/** The header of a message that somebody else made: what is in it, and where its lines are. */

const lf = 0x0a;
const cr = 0x0d;
const colon = 0x3a;
const space = 0x20;
const tab = 0x09;

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
    const at = message.indexOf(colon, start);
    const name = at === -1 || at >= end ? '' : message.toString('latin1', start, at).trimEnd().toLowerCase();
    // A name with a space in it is none: the `From ` line of a mailbox file has colons as well.
    fields.push({ name: /^[!-9;-~]+$/.test(name) ? name : '', start, end });
    start = end;
  }
  return fields;
};
