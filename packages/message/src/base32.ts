/** RFC 4648 6 in lower case without padding: survives mail hosts that change the case of a local part. */

const alphabet = 'abcdefghijklmnopqrstuvwxyz234567';
const valueByLetter = new Map([...alphabet].map((letter, index) => [letter, index]));

/** 5 bits a letter, the last letter filled with zero bits. */
export const encodeBase32 = (bytes: Uint8Array): string => {
  let text = '';
  let held = 0;
  let bits = 0;
  for (const byte of bytes) {
    held = (held << 8) | byte;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      text += alphabet.charAt((held >>> bits) & 31);
    }
    held &= (1 << bits) - 1;
  }
  return bits === 0 ? text : text + alphabet.charAt((held << (5 - bits)) & 31);
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
