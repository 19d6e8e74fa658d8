const dot = 0x2e;
const lineFeed = 0x0a;
const lineFeedDot = Buffer.from('\n.');
const dotByte = Buffer.from('.');

/**
 * Puts a dot before each line that begins with one (RFC 5321 4.5.2). The very same buffer comes back when there is none.
 * A dot behind a bare LF is doubled too: no server may see an end of the mail that is not ours (SMTP smuggling).
 */
export function stuffDots(data: Buffer): Buffer {
  const startsWithDot = data[0] === dot;
  let at = data.indexOf(lineFeedDot);
  if (!startsWithDot && at === -1) return data;
  const pieces: Buffer[] = startsWithDot ? [dotByte] : [];
  let from = 0;
  while (at !== -1) {
    pieces.push(data.subarray(from, at + 1), dotByte);
    from = at + 1;
    at = data.indexOf(lineFeedDot, from);
  }
  pieces.push(data.subarray(from));
  return Buffer.concat(pieces);
}

/** What ends the mail: its last line's end where that is missing, and the line with the final dot. */
export function finalDot(data: Buffer): string {
  const length = data.length;
  const whole = length === 0 || (length >= 2 && data[length - 1] === lineFeed && data[length - 2] === 0x0d);
  return whole ? '.\r\n' : '\r\n.\r\n';
}
