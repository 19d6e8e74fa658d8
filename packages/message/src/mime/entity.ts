/** The body of a message and the fields that describe it (RFC 2045, RFC 2046): what templates and composed contents become. */
import type { ByteWriter } from './byte-writer.ts';

/** Text, HTML or both; with both, readers choose (RFC 2046 5.1.4). */
export interface TextBody {
  readonly text: string | null;
  readonly html: string | null;
}

const partHead = (subtype: 'plain' | 'html'): string =>
  `Content-Type: text/${subtype}; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n`;
const plainHead = partHead('plain');
const htmlHead = partHead('html');

/** Writes the MIME fields, the empty line and the body. `boundary`: holds `=_`, which quoted-printable never does. */
export const writeTextEntity = (out: ByteWriter, body: TextBody, boundary: string): void => {
  const { text, html } = body;
  out.ascii('MIME-Version: 1.0\r\n');
  if (text === null || html === null) {
    out.ascii(html === null ? plainHead : htmlHead);
    out.quotedPrintable(html ?? text ?? '');
    out.ascii('\r\n');
    return;
  }
  out.ascii(
    `Content-Type: multipart/alternative; boundary="${boundary}"\r\n\r\n--${boundary}\r\n${plainHead}`,
  );
  out.quotedPrintable(text);
  out.ascii(`\r\n--${boundary}\r\n${htmlHead}`);
  out.quotedPrintable(html);
  out.ascii(`\r\n--${boundary}--\r\n`);
};
