/**
 * `bytes` read as views of the record that they are in, not as copies: a whole message of 10 KB goes through a router as the
 * bytes that were fetched.
 */
import { createRequire } from 'node:module';
import type avro from 'avsc';

const require = createRequire(import.meta.url);

/** Where avsc reads. */
interface Tap {
  readonly buf: Buffer;
  pos: number;
  readLong(): number;
}

/** As avsc's own, which nobody may know but by its insides. */
const BytesType: new () => avro.Type = require('avsc').types.BytesType;

class BytesInPlace extends BytesType {
  /** What avsc's types read with. The length has been checked against the record (avro-bounds.ts). */
  _read(tap: Tap): Buffer {
    const length = tap.readLong();
    const start = tap.pos;
    tap.pos += length;
    return tap.buf.subarray(start, tap.pos);
  }
}

/** A type hook of avsc. */
export function bytesInPlace(schema: avro.Schema): avro.Type | undefined {
  return schema === 'bytes' ? new BytesInPlace() : undefined;
}
