import { replyOf, type SmtpReply } from './smtp-reply.ts';

const lineFeed = 0x0a;
const carriageReturn = 0x0d;
const hyphen = 0x2d;
const space = 0x20;
// RFC 5321 4.5.3.1.5 says 512; real servers say more. What is beyond these is no SMTP server.
const maxLineBytes = 4_096;
const maxReplyLines = 256;
const maxReplyBytes = 65_536;
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
const unprintable = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is taken out.
const allUnprintable = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g;

/** The bytes are no SMTP reply; the message says why, with their begin. */
export class ReplySyntaxError extends Error {
  override name = 'ReplySyntaxError';
}

/**
 * Cuts what a server sends into replies (RFC 5321 4.2.1), in whatever pieces it comes. At most one line and the lines
 * of one reply are kept. A bare LF ends a line too. Control characters become blanks, so that a server's words can do no
 * harm in a log; bytes that are not UTF-8 become U+FFFD.
 */
export class ReplyParser {
  #input: Buffer | undefined;
  #at = 0;
  #held: Buffer | undefined;
  #code = 0;
  #lines: string[] = [];
  #replyBytes = 0;

  /** Gives bytes; they are not used any more once `next` has returned undefined. */
  push(chunk: Buffer): void {
    this.#input = this.#held === undefined ? chunk : Buffer.concat([this.#held, chunk]);
    this.#held = undefined;
    this.#at = 0;
  }

  /** Bytes that were given and belong to no reply yet. */
  get pending(): boolean {
    return this.#lines.length > 0 || this.#held !== undefined || this.#input !== undefined;
  }

  /** The next whole reply; undefined: more bytes are needed. Throws ReplySyntaxError. */
  next(): SmtpReply | undefined {
    for (;;) {
      const input = this.#input;
      if (input === undefined) return undefined;
      const start = this.#at;
      const end = input.indexOf(lineFeed, start);
      if ((end === -1 ? input.length : end) - start > maxLineBytes) {
        throw new ReplySyntaxError(
          `a reply's line is longer than ${maxLineBytes} bytes: ${sample(input, start)}`,
        );
      }
      if (end === -1) {
        this.#hold(input, start);
        return undefined;
      }
      this.#at = end + 1;
      if (this.#at === input.length) this.#input = undefined;
      const reply = this.#line(
        input,
        start,
        end > start && input[end - 1] === carriageReturn ? end - 1 : end,
      );
      if (reply !== undefined) return reply;
    }
  }

  // The chunk's memory belongs to the socket, so the rest is copied.
  #hold(input: Buffer, start: number): void {
    this.#held = start < input.length ? Buffer.from(input.subarray(start)) : undefined;
    this.#input = undefined;
  }

  #line(input: Buffer, start: number, end: number): SmtpReply | undefined {
    const code = codeAt(input, start, end);
    const separator = end - start === 3 ? space : input[start + 3];
    if (code === 0 || (separator !== space && separator !== hyphen)) {
      throw new ReplySyntaxError(`not an SMTP reply: ${sample(input, start)}`);
    }
    const text = printable(input.toString('utf8', Math.min(start + 4, end), end));
    if (separator === space && this.#lines.length === 0) return replyOf(code, [text]);
    if (this.#lines.length > 0 && code !== this.#code) {
      throw new ReplySyntaxError(`one reply has the codes ${this.#code} and ${code}`);
    }
    this.#code = code;
    this.#lines.push(text);
    this.#replyBytes += end - start;
    if (this.#lines.length > maxReplyLines || this.#replyBytes > maxReplyBytes) {
      throw new ReplySyntaxError(
        `a reply is longer than ${maxReplyLines} lines or ${maxReplyBytes} bytes: ${sample(input, start)}`,
      );
    }
    if (separator === hyphen) return undefined;
    const lines = this.#lines;
    this.#lines = [];
    this.#replyBytes = 0;
    return replyOf(code, lines);
  }
}

/** 200 to 599, RFC 5321 4.2.1; 0: no code. */
function codeAt(input: Buffer, start: number, end: number): number {
  if (end - start < 3) return 0;
  const a = (input[start] ?? 0) - 0x30;
  const b = (input[start + 1] ?? 0) - 0x30;
  const c = (input[start + 2] ?? 0) - 0x30;
  const valid = a >= 2 && a <= 5 && b >= 0 && b <= 9 && c >= 0 && c <= 9;
  return valid ? a * 100 + b * 10 + c : 0;
}

function printable(text: string): string {
  return unprintable.test(text) ? text.replace(allUnprintable, ' ') : text;
}

function sample(input: Buffer, start: number): string {
  return JSON.stringify(printable(input.toString('latin1', start, Math.min(input.length, start + 60))));
}
