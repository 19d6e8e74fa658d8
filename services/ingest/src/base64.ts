/** Strict base64 (RFC 4648 4): padding may be missing and white space be between, anything else is refused. */

const alphabet = /^[A-Za-z0-9+/]*={0,2}$/;

/** The bytes, or undefined when the text is not base64. */
export const decodeBase64 = (text: string): Buffer | undefined => {
  const dense = /\s/.test(text) ? text.replaceAll(/\s+/g, '') : text;
  if (!alphabet.test(dense)) return undefined;
  const digits = dense.endsWith('==')
    ? dense.length - 2
    : dense.endsWith('=')
      ? dense.length - 1
      : dense.length;
  if (digits % 4 === 1 || (digits !== dense.length && dense.length % 4 !== 0)) return undefined;
  return Buffer.from(dense, 'base64');
};
