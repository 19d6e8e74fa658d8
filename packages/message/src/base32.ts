/** RFC 4648 6 in lower case without padding: survives mail hosts that change the case of a local part. */

const alphabet = 'abcdefghijklmnopqrstuvwxyz234567';
const valueByLetter = new Map([...alphabet].map((letter, index) => [letter, index]));

const codes = Buffer.from(alphabet, 'latin1');
/** Texts up to its size are written in it. */
const scratch = Buffer.allocUnsafe(64);

/** 5 bits a letter, the last letter filled with zero bits. */
export const encodeBase32 = (bytes: Uint8Array): string => {
  const length = Math.ceil((bytes.length * 8) / 5);
  const letters = length > scratch.length ? Buffer.allocUnsafe(length) : scratch;
  let held = 0;
  let bits = 0;
  let to = 0;
  for (let at = 0; at < bytes.length; at += 1) {
    held = (held << 8) | (bytes[at] ?? 0);
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      letters[to] = codes[(held >>> bits) & 31] ?? 0;
      to += 1;
    }
    held &= (1 << bits) - 1;
  }
  if (bits > 0) letters[to] = codes[(held << (5 - bits)) & 31] ?? 0;
  return letters.toString('latin1', 0, length);
};

/** The bytes, or undefined when a letter is none of the alphabet's or the last bits are not zero. Any case. */
export const decodeBase32 = (text: string): Buffer | undefined => {
  const bytes = Buffer.alloc(Math.floor((text.length * 5) / 8));
  let held = 0;
  let bits = 0;
  let at = 0;
  for (const letter of text.toLowerCase()) {
    const value = valueByLetter.get(letter);
    if (value === undefined) return undefined;
    held = (held << 5) | value;
    bits += 5;
    if (bits < 8) continue;
    bits -= 8;
    bytes[at] = held >>> bits;
    at += 1;
    held &= (1 << bits) - 1;
  }
  return held === 0 && bits < 5 ? bytes : undefined;
};
