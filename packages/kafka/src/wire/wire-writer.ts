/** Writes into a Buffer that is large enough: numbers big-endian, strings with an int16 length. */

/** Bytes of a string on the wire. */
export const stringBytes = (text: string): number => 2 + Buffer.byteLength(text);

export class WireWriter {
  readonly buffer: Buffer;
  /** Where the next byte goes. */
  at: number;

  constructor(buffer: Buffer, at = 0) {
    this.buffer = buffer;
    this.at = at;
  }

  int8(value: number): void {
    this.at = this.buffer.writeInt8(value, this.at);
  }

  int16(value: number): void {
    this.at = this.buffer.writeInt16BE(value, this.at);
  }

  int32(value: number): void {
    this.at = this.buffer.writeInt32BE(value, this.at);
  }

  /** A safe integer. */
  int64(value: number): void {
    this.buffer.writeInt32BE(Math.floor(value / 4_294_967_296), this.at);
    this.at = this.buffer.writeUInt32BE(value >>> 0, this.at + 4);
  }

  string(text: string): void {
    const written = this.buffer.write(text, this.at + 2);
    this.int16(written);
    this.at += written;
  }
}
