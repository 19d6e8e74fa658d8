/** What a server answers, RFC 5321 4.2. */
export interface SmtpReply {
  /** 200 to 599. */
  readonly code: number;
  /** `5.1.1` of RFC 3463, null where the reply begins with none or with one of another class than its code's. */
  readonly enhanced: string | null;
  /** All lines joined by a blank, each without the enhanced code; printable, no control characters. */
  readonly text: string;
  /** The lines as they came, without the three digits. */
  readonly lines: readonly string[];
}

const dot = 0x2e;
const digit = (code: number): boolean => code >= 0x30 && code <= 0x39;

/** Length of the enhanced status code (RFC 3463 2) that a line begins with and whose class is `class`; 0: none. */
function enhancedLength(line: string, firstDigit: number): number {
  if (line.charCodeAt(0) !== firstDigit || line.charCodeAt(1) !== dot) return 0;
  let at = 2;
  while (digit(line.charCodeAt(at)) && at < 6) at++;
  if (at === 2 || at > 5 || line.charCodeAt(at) !== dot) return 0;
  const detail = at + 1;
  at = detail;
  while (digit(line.charCodeAt(at)) && at < detail + 4) at++;
  if (at === detail || at > detail + 3) return 0;
  return at === line.length || line.charCodeAt(at) === 0x20 ? at : 0;
}

/** A reply of its code and lines. */
export function replyOf(code: number, lines: readonly string[]): SmtpReply {
  const firstDigit = 0x30 + Math.floor(code / 100);
  const first = lines[0] ?? '';
  const length = enhancedLength(first, firstDigit);
  if (length === 0)
    return { code, enhanced: null, text: lines.length === 1 ? first : lines.join(' '), lines };
  const text =
    lines.length === 1
      ? first.slice(length + 1)
      : lines.map((line) => line.slice(Math.min(line.length, withSpace(line, firstDigit)))).join(' ');
  return { code, enhanced: first.slice(0, length), text, lines };
}

function withSpace(line: string, firstDigit: number): number {
  const length = enhancedLength(line, firstDigit);
  return length === 0 ? 0 : length + 1;
}
