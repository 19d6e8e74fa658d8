/** Reads what a broker wrote. Every read throws a RangeError beyond the end. */

export class WireReader {
  readonly #buffer: Buffer;
  /** Where the next byte is. */
  at: number;

  constructor(buffer: Buffer, at = 0) {
    this.#buffer = buffer;
    this.at = at;
  }

  int16(): number {
    const value = this.#buffer.readInt16BE(this.at);
    this.at += 2;
    return value;
  }

  int32(): number {
    const value = this.#buffer.readInt32BE(this.at);
    this.at += 4;
    return value;
  }

  /** As a number: offsets, times and producer ids are safe integers. */
  int64(): number {
    const value = this.#buffer.readInt32BE(this.at) * 4_294_967_296 + this.#buffer.readUInt32BE(this.at + 4);
    this.at += 8;
    return value;
  }

  string(): string {
    const length = this.int16();
    return length <= 0 ? '' : this.bytes(length).toString();
  }

  skip(bytes: number): void {
    this.at += bytes;
  }

  /** A view of the next bytes. */
  bytes(length: number): Buffer {
    const end = this.at + length;
    if (end > this.#buffer.length)
      throw new RangeError(
        `${length} bytes at ${this.at} end beyond the ${this.#buffer.length} that there are.`,
      );
    const view = this.#buffer.subarray(this.at, end);
    this.at = end;
    return view;
  }

  /** A zigzag varint of up to 64 bits (Protocol Buffers' sint), exact up to 2^53. */
  varint(): number {
    let byte = this.#buffer.readUInt8(this.at);
    this.at += 1;
    if (byte < 128) return (byte >>> 1) ^ -(byte & 1);
    let value = byte & 127;
    let scale = 128;
    do {
      byte = this.#buffer.readUInt8(this.at);
      this.at += 1;
      value += (byte & 127) * scale;
      scale *= 128;
    } while (byte >= 128);
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }
}
