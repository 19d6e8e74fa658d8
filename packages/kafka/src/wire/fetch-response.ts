/** Fetch response, version 11. Record batches are left as they are: partitions without any cost nothing. */
import { WireReader } from './wire-reader.ts';

/** Batches of a transaction that was given up, by its producer, from an offset on. */
export interface AbortedTransaction {
  readonly producerId: number;
  readonly firstOffset: number;
}

/** What the broker says of one partition. */
export interface AnsweredPartition {
  readonly topic: string;
  readonly partition: number;
  readonly errorCode: number;
  readonly highWatermark: number;
  readonly aborted: readonly AbortedTransaction[];
  /** Record batches, the last one perhaps cut off. Empty: none. A view of the response. */
  readonly batches: Buffer;
}

export interface FetchResponse {
  readonly clientSideThrottleTime: number;
  readonly errorCode: number;
  readonly sessionId: number;
  readonly partitions: readonly AnsweredPartition[];
  /** What the batches are views of. */
  readonly bytes: Buffer;
}

const noneAborted: readonly AbortedTransaction[] = [];

export function decodeFetchResponse(payload: Buffer): FetchResponse {
  const from = new WireReader(payload);
  const clientSideThrottleTime = from.int32();
  const errorCode = from.int16();
  const sessionId = from.int32();
  const partitions: AnsweredPartition[] = [];
  for (let topics = from.int32(); topics > 0; topics -= 1) {
    const topic = from.string();
    for (let left = from.int32(); left > 0; left -= 1) {
      const partition = from.int32();
      const partitionError = from.int16();
      const highWatermark = from.int64();
      from.skip(16); // last stable offset, log start offset
      const aborted = readAborted(from);
      from.skip(4); // preferred read replica: no rack is named
      const batches = from.bytes(Math.max(0, from.int32()));
      partitions.push({ topic, partition, errorCode: partitionError, highWatermark, aborted, batches });
    }
  }
  return { clientSideThrottleTime, errorCode, sessionId, partitions, bytes: payload };
}

function readAborted(from: WireReader): readonly AbortedTransaction[] {
  const count = from.int32();
  if (count <= 0) return noneAborted;
  return Array.from({ length: count }, () => ({ producerId: from.int64(), firstOffset: from.int64() }));
}
