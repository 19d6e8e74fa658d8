/** Line ends on the wire: CRLF and nothing else (RFC 5321 2.3.8). */

const cr = 0x0d;
const lf = 0x0a;

/** How many bytes must be added, and whether any line end is not CRLF. */
const bareLineEnds = (message: Buffer): number => {
  let bare = 0;
  for (let at = message.indexOf(lf); at !== -1; at = message.indexOf(lf, at + 1)) {
    if (at === 0 || message[at - 1] !== cr) bare += 1;
  }
  for (let at = message.indexOf(cr); at !== -1; at = message.indexOf(cr, at + 1)) {
    if (message[at + 1] !== lf) bare += 1;
  }
  return bare;
};

/**
 * The same bytes with CRLF for each LF or CR that stood alone, and with a line end at the end: SMTP can carry nothing
 * else, and a bare one is what message smuggling is made of. The message itself when it needs nothing.
 */
export const withCrlf = (message: Buffer): Buffer => {
  const bare = bareLineEnds(message);
  const ended =
    message.length === 0 || message[message.length - 1] === lf || message[message.length - 1] === cr;
  if (bare === 0 && ended) return message;
  const result = Buffer.allocUnsafe(message.length + bare + (ended ? 0 : 2));
  let to = 0;
  if (bare === 0) to = message.copy(result);
  else {
    for (let at = 0; at < message.length; at += 1) {
      const byte = message[at] ?? 0;
      if (byte === cr || byte === lf) {
        result[to] = cr;
        result[to + 1] = lf;
        to += 2;
        if (byte === cr && message[at + 1] === lf) at += 1;
      } else {
        result[to] = byte;
        to += 1;
      }
    }
  }
  if (!ended) {
    result[to] = cr;
    result[to + 1] = lf;
  }
  return result;
};
