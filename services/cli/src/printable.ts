/** Texts that others wrote, made harmless for a terminal. */

/**
 * Without control characters: a receiving server's reply must not move the cursor, change colours or set the title of
 * the terminal that shows it (ECMA-48 C0 and C1). They are shown as `\x1b`.
 */
export const printable = (text: string): string =>
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what it is about
  text.replaceAll(/[\x00-\x1f\x7f-\x9f]/g, (sign) => {
    const code = sign.charCodeAt(0).toString(16).padStart(2, '0');
    return sign === '\t' ? ' ' : `\\x${code}`;
  });
