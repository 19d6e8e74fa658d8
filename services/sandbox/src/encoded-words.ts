const encodedWord = /=\?([^?*\s]+)(?:\*[^?]*)?\?([bq])\?([^?\s]*)\?=/gi;

/** A header value with its encoded words decoded (RFC 2047); what is not decodable stays as it is. */
export function decodeWords(value: string): string {
  // White space between two encoded words is not shown, RFC 2047 6.2.
  const joined = value.replace(/(\?=)\s+(?==\?[^?\s]+\?[bq]\?)/gi, '$1');
  return joined.replace(encodedWord, (whole, charset: string, encoding: string, text: string) => {
    const bytes = encoding.toLowerCase() === 'b' ? Buffer.from(text, 'base64') : quotedPrintable(text);
    try {
      return new TextDecoder(charset).decode(bytes);
    } catch (error) {
      if (error instanceof RangeError) return whole;
      throw error;
    }
  });
}

function quotedPrintable(text: string): Buffer {
  const bytes = text
    .replaceAll('_', ' ')
    .replace(/=([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return Buffer.from(bytes, 'latin1');
}
