/** Fetch request, version 11, in one pass. */
import type { FetchPlan } from './fetch-session.ts';
import { stringBytes, WireWriter } from './wire-writer.ts';

/** How much of an answer is waited for. */
export interface FetchLimits {
  readonly maxWaitMs: number;
  readonly minBytes: number;
  readonly maxBytes: number;
  readonly maxBytesPerPartition: number;
  /** 0: read uncommitted, 1: read committed. */
  readonly isolationLevel: number;
}

const startBytes = 29;
const partitionBytes = 28;
const notKnown = -1;

interface OfTopic<T> {
  readonly topic: string;
  readonly items: T[];
}

/** Neighbours of one topic in one group; most lists have one or two partitions. */
function byTopic<T extends { readonly topic: string }>(items: readonly T[]): readonly OfTopic<T>[] {
  const groups: OfTopic<T>[] = [];
  let last: OfTopic<T> | undefined;
  for (const item of items) {
    if (last?.topic === item.topic) last.items.push(item);
    else {
      last = { topic: item.topic, items: [item] };
      groups.push(last);
    }
  }
  return groups;
}

function groupedBytes<T>(groups: readonly OfTopic<T>[], itemBytes: number): number {
  let bytes = 4;
  for (const { topic, items } of groups) bytes += stringBytes(topic) + 4 + items.length * itemBytes;
  return bytes;
}

/** With `headBytes` free bytes before it. */
export function encodeFetchRequest(plan: FetchPlan, limits: FetchLimits, headBytes = 0): Buffer {
  const wanted = byTopic(plan.wanted);
  const forgotten = byTopic(plan.forgotten);
  const bytes =
    headBytes +
    startBytes +
    groupedBytes(wanted, partitionBytes) +
    groupedBytes(forgotten, 4) +
    stringBytes('');
  const to = new WireWriter(Buffer.allocUnsafe(bytes), headBytes);
  to.int32(-1); // not a replica
  to.int32(limits.maxWaitMs);
  to.int32(limits.minBytes);
  to.int32(limits.maxBytes);
  to.int8(limits.isolationLevel);
  to.int32(plan.sessionId);
  to.int32(plan.epoch);
  to.int32(wanted.length);
  for (const { topic, items } of wanted) {
    to.string(topic);
    to.int32(items.length);
    for (const { partition, offset } of items) {
      to.int32(partition);
      to.int32(notKnown); // leader epoch
      to.int64(offset);
      to.int64(notKnown); // log start offset
      to.int32(limits.maxBytesPerPartition);
    }
  }
  to.int32(forgotten.length);
  for (const { topic, items } of forgotten) {
    to.string(topic);
    to.int32(items.length);
    for (const { partition } of items) to.int32(partition);
  }
  to.string(''); // rack
  return to.buffer;
}
