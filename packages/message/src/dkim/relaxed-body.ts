/**
 * The hash of a body in the relaxed canonical form (RFC 6376 3.4.4): runs of white space become one space, white space
 * before a line's end and empty lines at the body's end go, what is left ends with CRLF. One pass over the bytes,
 * through a scratch buffer of fixed size, so that a message of many MiB needs no second copy.
 */
import { createHash, type Hash, hash } from 'node:crypto';

const tab = 0x09;
const lf = 0x0a;
const cr = 0x0d;
const space = 0x20;

const sliceBytes = 32_768;
const scratch = Buffer.allocUnsafe(2 * sliceBytes);

/** Whether a body is its own canonical form, as most are: this takes a third of the time of writing it anew. */
const isRelaxed = (message: Buffer, start: number): boolean => {
  const end = message.length;
  const last = message[end - 3];
  if (end - start < 3 || last === lf || message[end - 2] !== cr || message[end - 1] !== lf) return false;
  for (let at = start; at < end; at += 1) {
    const byte = message[at];
    if (byte === undefined || byte > space) continue;
    if (byte === tab) return false;
    if (byte !== space) continue;
    const next = message[at + 1];
    if (next === space || next === tab || next === cr) return false;
  }
  return true;
};

/** SHA-256 of the canonical body, base64: the `bh=` tag. `start`: where the body begins. Line ends are CRLF. */
export const relaxedBodyHash = (message: Buffer, start: number): string => {
  if (isRelaxed(message, start)) return hash('sha256', message.subarray(start), 'base64');
  const end = message.length;
  const out = scratch;
  let filled = 0;
  let written = false;
  let blank = false;
  /** Line ends seen but not written yet: dropped when nothing follows. */
  let lineEnds = 0;
  let digest: Hash | undefined;

  const drain = (): void => {
    digest ??= createHash('sha256');
    digest.update(out.subarray(0, filled));
    filled = 0;
  };

  let at = start;
  while (at < end) {
    const sliceEnd = Math.min(end, at + sliceBytes);
    while (at < sliceEnd) {
      const byte = message[at];
      if (byte === undefined) break;
      if (byte > space || (byte !== space && byte !== tab && (byte !== cr || message[at + 1] !== lf))) {
        if (lineEnds > 0) {
          // Bytes of this slice always fit behind what is written; line ends carried over from earlier ones may not.
          if (filled + 2 * lineEnds + (sliceEnd - at) + 1 > out.length) drain();
          for (; lineEnds > 0; lineEnds -= 1) {
            if (filled + 2 > sliceBytes && filled + 2 * lineEnds + (sliceEnd - at) + 1 > out.length) drain();
            out[filled] = cr;
            out[filled + 1] = lf;
            filled += 2;
          }
        }
        if (blank) {
          out[filled] = space;
          filled += 1;
          blank = false;
        }
        out[filled] = byte;
        filled += 1;
        written = true;
        at += 1;
      } else if (byte === cr) {
        lineEnds += 1;
        blank = false;
        at += 2;
      } else {
        blank = true;
        at += 1;
      }
    }
    if (filled > sliceBytes - 8 && at < end) drain();
  }
  if (written) {
    out[filled] = cr;
    out[filled + 1] = lf;
    filled += 2;
  }
  const last = out.subarray(0, filled);
  return digest === undefined ? hash('sha256', last, 'base64') : digest.update(last).digest('base64');
};
