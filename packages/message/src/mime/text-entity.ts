/** Text, HTML or both as the body of a message (RFC 2045, RFC 2046): what templates and composed contents become. */
import type { Pieces } from './pieces.ts';
import type { QuotedPrintable } from './quoted-printable.ts';

/** With both, readers choose (RFC 2046 5.1.4). */
export interface TextBody {
  readonly text: QuotedPrintable | null;
  readonly html: QuotedPrintable | null;
}

/** Fields and body of a message, ASCII. */
export interface TextEntity {
  /** The MIME fields, each with its CRLF. */
  readonly header: string;
  readonly body: Pieces;
  /** The body in the relaxed canonical form; the same pieces where that is no other. */
  readonly canonicalBody: Pieces;
}

const partHead = (subtype: 'plain' | 'html'): string =>
  `Content-Type: text/${subtype}; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n`;
const plainHead = partHead('plain');
const htmlHead = partHead('html');
const version = 'MIME-Version: 1.0\r\n';

/** Without empty lines at the end (RFC 6376 3.4.4); an empty body stays empty. */
const relaxedEnd = (canonical: Pieces): Pieces => {
  const kept = [...canonical];
  for (let last = kept.pop(); last !== undefined; last = kept.pop()) {
    let end = last.length;
    while (last.endsWith('\r\n', end)) end -= 2;
    if (end > 0) return [...kept, `${last.slice(0, end)}\r\n`];
  }
  return [];
};

/** `boundary`: holds `=_`, which quoted-printable never does. */
export const textEntity = ({ text, html }: TextBody, boundary: string): TextEntity => {
  if (text === null || html === null) {
    const { encoded, canonical } = text ?? html ?? { encoded: [], canonical: [] };
    const body = [...encoded, '\r\n'];
    const same = canonical === encoded && encoded.length > 0 && encoded.at(-1)?.endsWith('\r\n') === false;
    return {
      header: version + (html === null ? plainHead : htmlHead),
      body,
      canonicalBody: same ? body : relaxedEnd(canonical),
    };
  }
  const start = `--${boundary}\r\n${plainHead}\r\n`;
  const middle = `\r\n--${boundary}\r\n${htmlHead}\r\n`;
  const end = `\r\n--${boundary}--\r\n`;
  const body = [start, ...text.encoded, middle, ...html.encoded, end];
  const same = text.canonical === text.encoded && html.canonical === html.encoded;
  return {
    header: `${version}Content-Type: multipart/alternative; boundary="${boundary}"\r\n`,
    body,
    canonicalBody: same ? body : [start, ...text.canonical, middle, ...html.canonical, end],
  };
};
