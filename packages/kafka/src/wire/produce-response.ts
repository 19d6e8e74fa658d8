/** Produce response, version 7: of what was taken nothing is of interest. */
import { protocolErrorOf } from './kafkajs-internals.ts';
import { WireReader } from './wire-reader.ts';

/** In the shape that kafkajs's producer reads; ours asks for no offsets. */
export interface ProduceResponse {
  readonly clientSideThrottleTime: number;
  readonly topics: readonly never[];
}

/** Throws kafkajs's error for the first partition that did not take its records. */
export function decodeProduceResponse(payload: Buffer): ProduceResponse {
  const from = new WireReader(payload);
  for (let topics = from.int32(); topics > 0; topics -= 1) {
    from.string();
    for (let left = from.int32(); left > 0; left -= 1) {
      from.skip(4); // partition
      const errorCode = from.int16();
      if (errorCode !== 0) throw protocolErrorOf(errorCode);
      from.skip(24); // base offset, log append time, log start offset
    }
  }
  return { clientSideThrottleTime: from.int32(), topics: [] };
}
