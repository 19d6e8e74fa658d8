/** Takes the body of a returned message out before MIME is parsed: each line costs there, and nobody reads it. */

const lineFeed = 0x0a;
const carriageReturn = 0x0d;
const dash = 0x2d;

/** Lines of a returned body that stay, for what is written where a header should be. */
const keptLines = 5;

const isEmpty = (bytes: Buffer, start: number, end: number): boolean =>
  end === start || (end === start + 1 && bytes[start] === carriageReturn);

/** The boundary of the whole mail; undefined: it has none. */
const boundaryOf = (head: string): string | undefined => {
  const field = /^content-type[ \t]*:[^\n]*(?:\n[ \t][^\n]*){0,20}/im.exec(head)?.[0] ?? '';
  const match = /\bboundary[ \t]*=[ \t]*(?:"([^"\n]{1,200})"|([^\s;"]{1,200}))/i.exec(field);
  return match?.[1] ?? match?.[2];
};

/** A message that came back, and says nothing more than its header: one that is itself a report does. */
const returnedPart = /^content-type[ \t]*:[ \t]*message\/(?:rfc822|global)\b/im;
const reportInside = /^content-type[ \t]*:\s{0,20}multipart\/report/im;

/** End of the header that begins at `start`: where its empty line begins, and where the line after that does. */
export const headerEnd = (bytes: Buffer, start: number): readonly [end: number, body: number] => {
  for (let line = start; line < bytes.length; ) {
    const feed = bytes.indexOf(lineFeed, line);
    const end = feed < 0 ? bytes.length : feed;
    if (isEmpty(bytes, line, end)) return [line, Math.min(end + 1, bytes.length)];
    line = end + 1;
  }
  return [bytes.length, bytes.length];
};

/** The mail without what follows the header of each message that it gives back as a part. */
export const withoutReturnedBody = (bytes: Buffer): Buffer => {
  const [headLength, first] = headerEnd(bytes, 0);
  const boundary = boundaryOf(bytes.toString('latin1', 0, Math.min(headLength, 65_536)));
  if (boundary === undefined) return bytes;
  const delimiter = Buffer.from(`--${boundary}`, 'latin1');
  const kept: Buffer[] = [];
  let copied = 0;
  for (let at = bytes.indexOf(delimiter, first); at >= 0; ) {
    const line = bytes.indexOf(lineFeed, at);
    if (line < 0) break;
    const next = nextDelimiter(bytes, delimiter, line + 1);
    const [partHead, partBody] = headerEnd(bytes, line + 1);
    if (
      partBody < next &&
      returnedPart.test(bytes.toString('latin1', line + 1, Math.min(partHead, line + 4_096)))
    ) {
      const [innerHead, innerBody] = headerEnd(bytes, partBody);
      const inner = bytes.toString('latin1', partBody, Math.min(innerHead, partBody + 65_536));
      const cut = afterLines(bytes, innerBody, keptLines);
      if (cut < next && !reportInside.test(inner)) {
        kept.push(bytes.subarray(copied, cut));
        copied = next;
      }
    }
    at = next < bytes.length ? next : -1;
  }
  return kept.length === 0 ? bytes : Buffer.concat([...kept, bytes.subarray(copied)]);
};

const afterLines = (bytes: Buffer, start: number, lines: number): number => {
  let at = start;
  for (let turn = 0; turn < lines; turn++) {
    const feed = bytes.indexOf(lineFeed, at);
    if (feed < 0) return bytes.length;
    at = feed + 1;
  }
  return at;
};

/** Where the next line begins that is a delimiter; the length of the bytes: there is none. */
const nextDelimiter = (bytes: Buffer, delimiter: Buffer, start: number): number => {
  for (let at = bytes.indexOf(delimiter, start); at >= 0; at = bytes.indexOf(delimiter, at + 1))
    if (bytes[at - 1] === lineFeed && bytes[at] === dash) return at;
  return bytes.length;
};
