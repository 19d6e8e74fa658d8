/**
 * CRC-32C (Castagnoli, RFC 3720 appendix B.4), which every record batch carries. Eight bytes a step through eight tables
 * ("slicing by 8"): three times as fast as kafkajs's one byte a step. Node's own `crc32` is the other polynomial.
 */

const polynomial = 0x82f63b78;

/** Table s begins at s * 256: what a byte does to the sum s bytes further on. One array, as that is faster than eight. */
const table = new Int32Array(8 * 256);
for (let byte = 0; byte < 256; byte += 1) {
  let sum = byte;
  for (let bit = 0; bit < 8; bit += 1) sum = (sum >>> 1) ^ (sum & 1 ? polynomial : 0);
  table[byte] = sum;
}
for (let at = 256; at < table.length; at += 1) {
  const before = table[at - 256] ?? 0;
  table[at] = (before >>> 8) ^ (table[before & 0xff] ?? 0);
}

/** Of the bytes `[from, to)`; unsigned. */
export function crc32c(bytes: Uint8Array, from = 0, to = bytes.length): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let sum = -1;
  let at = from;
  for (const last = to - 8; at <= last; at += 8) {
    const low = sum ^ view.getInt32(at, true);
    const high = view.getInt32(at + 4, true);
    sum =
      (table[1_792 + (low & 0xff)] ?? 0) ^
      (table[1_536 + ((low >>> 8) & 0xff)] ?? 0) ^
      (table[1_280 + ((low >>> 16) & 0xff)] ?? 0) ^
      (table[1_024 + (low >>> 24)] ?? 0) ^
      (table[768 + (high & 0xff)] ?? 0) ^
      (table[512 + ((high >>> 8) & 0xff)] ?? 0) ^
      (table[256 + ((high >>> 16) & 0xff)] ?? 0) ^
      (table[high >>> 24] ?? 0);
  }
  for (; at < to; at += 1) sum = (sum >>> 8) ^ (table[(sum ^ view.getUint8(at)) & 0xff] ?? 0);
  return ~sum >>> 0;
}
