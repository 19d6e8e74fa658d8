/**
 * Header fields as they are written (RFC 5322 2.2, 3.2.3, 3.6). Every value passes through here, and nothing that these
 * functions return can end a field before its end: line breaks and other controls become spaces, what is not ASCII
 * becomes encoded words.
 */
import { MessageError } from '../message-error.ts';
import { encodedWords } from './encoded-word.ts';

/** Lines are folded before they reach it where there is a space to fold at (RFC 5322 2.1.1). */
const softLimit = 78;
/** No line may be longer, whatever it holds (RFC 5322 2.1.1). */
const hardLimit = 998;

const controls = /[\p{Cc}\u2028\u2029]+/gu;
const printableAscii = /^[ -~]*$/;
const fieldName = /^[!-9;-~]{1,76}$/;
const atoms = /^[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?: [A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*$/;

/** Text on one line: runs of line breaks and other controls as one space. */
export const oneLine = (text: string): string =>
  (printableAscii.test(text) ? text : text.replaceAll(controls, ' ')).trim();

/** Whether it can be the name of a header field (RFC 5322 3.6.8). */
export const isFieldName = (name: string): boolean => fieldName.test(name);

/** Throws ERR_MESSAGE_HEADER for what is not a field name. */
const checkedName = (name: string): string => {
  if (fieldName.test(name)) return name;
  throw new MessageError('ERR_MESSAGE_HEADER', `"${oneLine(name).slice(0, 80)}" is not a header field name.`);
};

/** Printable ASCII folded before spaces. A text without a space in the right place stays longer than the soft limit. */
const foldedText = (text: string, column: number): string => {
  if (column + text.length <= softLimit) return text;
  let folded = '';
  let lineStart = 0;
  let width = column;
  while (width + text.length - lineStart > softLimit) {
    let space = text.lastIndexOf(' ', lineStart + softLimit - width);
    if (space <= lineStart) space = text.indexOf(' ', lineStart + 1);
    // A line must not consist of spaces alone: the fold goes before the last one of a run.
    while (text[space + 1] === ' ') space += 1;
    if (space === -1) break;
    folded += `${text.slice(lineStart, space)}\r\n`;
    lineStart = space;
    width = 0;
  }
  return folded + text.slice(lineStart);
};

const longestWord = (text: string): number =>
  text.length <= hardLimit - 80 ? text.length : Math.max(...text.split(' ').map((word) => word.length));

/**
 * A field of free text, with its CRLF. What looks like an encoded word stays one with `preEncoded`, else it is encoded so
 * that the reader sees it as it was given.
 */
export const textField = (name: string, value: string, preEncoded = false): string => {
  const checked = checkedName(name);
  const text = oneLine(value);
  const column = checked.length + 2;
  const asIs =
    printableAscii.test(text) && (preEncoded || !text.includes('=?')) && longestWord(text) < hardLimit - 80;
  return `${checked}: ${asIs ? foldedText(text, column) : encodedWords(text, column)}\r\n`;
};

/** A display name (RFC 5322 3.2.5): atoms as they are, else a quoted string, beyond ASCII encoded words. */
export const phrase = (name: string, column: number): string => {
  const text = oneLine(name);
  if (!printableAscii.test(text) || text.includes('=?')) return encodedWords(text, column);
  return atoms.test(text) ? text : `"${text.replaceAll(/["\\]/g, '\\$&')}"`;
};

/** A field whose value was made of checked tokens: addresses, ids, URIs. Each after the first has a line of its own if need be. */
export const tokenField = (name: string, tokens: readonly string[], separator = ' '): string => {
  let text = `${name}: `;
  let column = text.length;
  tokens.forEach((token, index) => {
    const piece = index === tokens.length - 1 ? token : token + separator.trimEnd();
    if (index > 0 && column + 1 + piece.length > softLimit) {
      text += `\r\n ${piece}`;
      column = 1 + piece.length;
    } else {
      text += index === 0 ? piece : ` ${piece}`;
      column += piece.length + (index === 0 ? 0 : 1);
    }
  });
  return `${text}\r\n`;
};

let lastSecond = -1;
let lastDate = '';

/** RFC 5322 3.3, in UTC: `Tue, 24 Nov 2026 16:40:00 +0000`. `at`: ms since the epoch. */
export const dateTime = (at: number): string => {
  const second = Math.floor(at / 1_000);
  if (second !== lastSecond) {
    lastDate = new Date(second * 1_000).toUTCString().replace('GMT', '+0000');
    lastSecond = second;
  }
  return lastDate;
};
