/** Text beyond ASCII in header fields: encoded words (RFC 2047), in UTF-8, the shorter of the two encodings. */

/** An encoded word with its frame (RFC 2047 2). */
const maxWord = 75;
const frame = '=?UTF-8?Q??='.length;
const maxPayload = maxWord - frame;

/** What an encoded word may hold as it is wherever it stands, display names included (RFC 2047 5, rule 3). */
const plain = /[A-Za-z0-9!*+/-]/;
const qLetters: readonly string[] = Array.from({ length: 256 }, (_, byte) => {
  const letter = String.fromCharCode(byte);
  if (letter === ' ') return '_';
  return plain.test(letter) ? letter : `=${byte.toString(16).toUpperCase().padStart(2, '0')}`;
});

const qEncoded = (text: string): string => {
  let encoded = '';
  for (const byte of Buffer.from(text, 'utf8')) encoded += qLetters[byte] ?? '';
  return encoded;
};

const base64Length = (bytes: number): number => Math.ceil(bytes / 3) * 4;

/**
 * The text as encoded words, folded one a line. `column`: where the first begins; it starts a line of its own when too
 * little is left of this one. No character is cut in two. Whatever the text holds, the result is printable ASCII and folds.
 */
export const encodedWords = (text: string, column: number): string => {
  const whole = text.toWellFormed();
  const bytes = Buffer.byteLength(whole);
  const inBase64 = qEncoded(whole).length > base64Length(bytes);
  const words: string[] = [];
  let room = Math.min(maxPayload, maxWord - column - frame);
  let folded = '';
  if (room < 12) {
    folded = '\r\n ';
    room = maxPayload;
  }
  let piece = '';
  let size = 0;
  const close = (): void => {
    words.push(
      inBase64 ? `=?UTF-8?B?${Buffer.from(piece, 'utf8').toString('base64')}?=` : `=?UTF-8?Q?${piece}?=`,
    );
    piece = '';
    size = 0;
    room = maxPayload;
  };
  for (const character of whole) {
    const encoded = inBase64 ? character : qEncoded(character);
    const width = inBase64 ? Buffer.byteLength(character) : encoded.length;
    if (size > 0 && (inBase64 ? base64Length(size + width) : size + width) > room) close();
    piece += encoded;
    size += width;
  }
  if (size > 0) close();
  return folded + words.join('\r\n ');
};
