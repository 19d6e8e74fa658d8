/** What a log file says at its end, in one line: for the sentence that tells why a process died. */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';

const tailBytes = 16_384;
const longest = 400;

/** The last error of the file's end, else its last line; `(nothing)` when it is empty. */
export function lastWords(file: string): string {
  const lines = endOf(file)
    .split('\n')
    .filter(
      (line) =>
        (line.trim() !== '' && !/^\s+at |^\s*[{}\]]|^Node\.js v|^\s*\^/.test(line)) || line.startsWith('{"'),
    )
    .map(plain);
  const error = lines.findLast((line) =>
    /\b(error|fatal|exception|refused|in use|cannot|could not)\b/i.test(line),
  );
  const words = error ?? lines.at(-1) ?? '(nothing)';
  return words.length > longest ? `${words.slice(0, longest)}...` : words;
}

/** A JSON log record as text; any other line as it is. */
function plain(line: string): string {
  if (!line.startsWith('{"')) return line.trim();
  try {
    const record: { msg?: unknown; err?: { message?: unknown } } = JSON.parse(line);
    const parts = [record.msg, record.err?.message].filter((part) => typeof part === 'string');
    return parts.join(': ') || line;
  } catch {
    // Cut at the front: shown as it is.
    return line;
  }
}

function endOf(file: string): string {
  const handle = openSync(file, 'r');
  try {
    const { size } = fstatSync(handle);
    const buffer = Buffer.alloc(Math.min(size, tailBytes));
    const read = readSync(handle, buffer, 0, buffer.length, size - buffer.length);
    return buffer.toString('utf8', 0, read);
  } finally {
    closeSync(handle);
  }
}
