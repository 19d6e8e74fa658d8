/**
 * Which partition a key belongs to, as every Kafka client has it by default: murmur2 of the key's bytes. kafkajs's own
 * calculates with BigInt: 3 microseconds a record, a tenth of what the router did.
 */

const seed = 0x9747b28c;
const multiplier = 0x5bd1e995;

/** 32 bits, signed. */
function murmur2(data: Buffer): number {
  const { length } = data;
  const whole = length & ~3;
  let hash = seed ^ length;
  for (let at = 0; at < whole; at += 4) {
    const word = Math.imul(data.readInt32LE(at), multiplier);
    hash = Math.imul(hash, multiplier) ^ Math.imul(word ^ (word >>> 24), multiplier);
  }
  if (whole < length) {
    for (let at = length - 1; at >= whole; at -= 1) hash ^= data.readUInt8(at) << (8 * (at - whole));
    hash = Math.imul(hash, multiplier);
  }
  hash = Math.imul(hash ^ (hash >>> 13), multiplier);
  return hash ^ (hash >>> 15);
}

/** `partitions`: of the topic, 1 or more. */
export function partitionOfKey(key: string | Buffer, partitions: number): number {
  return (murmur2(typeof key === 'string' ? Buffer.from(key) : key) & 0x7fffffff) % partitions;
}
