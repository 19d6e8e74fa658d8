/**
 * A group member's fetch, in place of kafkajs's `ConsumerGroup.fetch`, which walks all partitions and all topics'
 * metadata some ten times for each request, names all of them in it, and makes a batch of each that has nothing: half a
 * millisecond for 48 partitions, however little came. Here a partition without records costs a comparison.
 *
 * Where nothing comes, it rests.
 *
 * Kept as kafkajs has it: metadata are refreshed as they age, a topic that has grown makes the group join again, seeks
 * and offsets are its own, and what goes wrong is mended by its `recoverFromFetch`.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { fetchFrom } from './fetch.ts';
import type { AnsweredPartition, FetchResponse } from './fetch-response.ts';
import type { WantedPartition } from './fetch-session.ts';
import { FetchedBatch } from './fetched-batch.ts';
import { type ConsumerGroup, consumerGroupClass, runnerClass } from './kafkajs-internals.ts';
import { decodeBatches } from './record-batch-decoder.ts';
import { RestingFetches } from './resting-fetches.ts';
import { answerMemory } from './wire-memory.ts';

/** How long a fetch waits for a record where the one before it had none, ms. */
const restMs = 5_000;

/** Replaces it for all consumers of this process. Call once. */
export function replaceGroupFetch(): void {
  consumerGroupClass.prototype.fetch = function fetch(nodeId) {
    return fetchFor(this, nodeId);
  };
  const { prototype } = runnerClass;
  const { stop } = prototype;
  prototype.stop = function stopAtOnce() {
    const stopped = stop.call(this);
    restingOf(this.consumerGroup).wake();
    return stopped;
  };
}

const resting = new WeakMap<ConsumerGroup, RestingFetches>();

function restingOf(group: ConsumerGroup): RestingFetches {
  let fetches = resting.get(group);
  if (fetches === undefined) {
    fetches = new RestingFetches(group);
    resting.set(group, fetches);
  }
  return fetches;
}

async function fetchFor(group: ConsumerGroup, nodeId: string): Promise<readonly FetchedBatch[]> {
  const fetches = restingOf(group);
  try {
    await group.cluster.refreshMetadataIfNecessary();
    const led = ledBy(group, nodeId);
    if (group.seekOffset.size > 0 || !allHaveOffsets(group, led.partitions))
      await group.seekOffsets(group.filterPartitionsByNode(nodeId, group.subscriptionState.assigned()));
    const wanted = wantedOf(group, led.partitions);
    const waitMs = waitOf(group, led, wanted.length);
    if (wanted.length === 0) {
      await sleep(waitMs);
      return [];
    }
    const broker = await group.cluster.findBroker({ nodeId });
    const limits = {
      maxWaitMs: waitMs,
      minBytes: group.minBytes,
      maxBytes: group.maxBytes,
      maxBytesPerPartition: group.maxBytesPerPartition,
      isolationLevel: group.isolationLevel,
    };
    // What is paused may be resumed, and is then waited for by whoever asks the same broker.
    const rests = wanted.length === led.partitions.length && fetches.isIdle(nodeId);
    const response = rests
      ? await fetches.rest((signal) =>
          fetchFrom(broker, wanted, { ...limits, minBytes: 1, maxWaitMs: restMs }, signal),
        )
      : await fetchFrom(broker, wanted, limits);
    fetches.answered(nodeId, response?.partitions.every(({ batches }) => batches.length === 0) ?? false);
    return await batchesOf(group, response, wanted);
  } catch (error) {
    // Another broker's fetch would be waited for before kafkajs does anything about it.
    fetches.wake();
    await group.recoverFromFetch(error);
    return [];
  }
}

interface Led {
  readonly metadata: unknown;
  readonly assigned: unknown;
  readonly known: unknown;
  readonly partitions: readonly { readonly topic: string; readonly partition: number }[];
  /** How many of them the last request asked for, and since when it is so many (`performance.now()`). */
  asked: number;
  askedSince: number;
}

/** A partition that is read again by now is not asked for while a request without it waits at the broker, ms. */
const shortWaitMs = 20;
/** Partitions that have been paused for so long are not about to go on, ms. */
const pausedForGoodMs = 1_000;

const ledByNode = new WeakMap<ConsumerGroup, Map<string, Led>>();

/** Our partitions that the node leads: worked out again only when metadata or assignment are others. */
function ledBy(group: ConsumerGroup, nodeId: string): Led {
  const { metadata } = group.cluster.brokerPool;
  const { assignedPartitionsByTopic: assigned } = group.subscriptionState;
  const known = group.partitionsPerSubscribedTopic;
  let nodes = ledByNode.get(group);
  if (nodes === undefined) {
    nodes = new Map();
    ledByNode.set(group, nodes);
  }
  const before = nodes.get(nodeId);
  if (
    before !== undefined &&
    metadata !== null &&
    before.metadata === metadata &&
    before.assigned === assigned &&
    before.known === known
  )
    return before;
  group.checkForStaleAssignment();
  const partitions = group
    .filterPartitionsByNode(nodeId, group.subscriptionState.assigned())
    .flatMap(({ topic, partitions: ofTopic }) => ofTopic.map((partition) => ({ topic, partition })));
  const led = { metadata, assigned, known, partitions, asked: 0, askedSince: 0 };
  nodes.set(nodeId, led);
  return led;
}

/** Partitions are paused while what was fetched of them is worked through, which takes moments. */
function waitOf({ maxWaitTime }: ConsumerGroup, led: Led, asked: number): number {
  const now = performance.now();
  if (led.asked !== asked) [led.asked, led.askedSince] = [asked, now];
  const someMayGoOn = asked < led.partitions.length && now - led.askedSince < pausedForGoodMs;
  return someMayGoOn ? Math.min(shortWaitMs, maxWaitTime) : maxWaitTime;
}

const isOffset = (offset: string | undefined): offset is string =>
  offset !== undefined && Number(offset) >= 0;

function allHaveOffsets(group: ConsumerGroup, led: Led['partitions']): boolean {
  const committed = group.offsetManager.committedOffsets();
  return led.every(({ topic, partition }) => isOffset(committed[topic]?.[partition]));
}

/** What is to be read next of every partition that is not paused. */
function wantedOf(group: ConsumerGroup, led: Led['partitions']): readonly WantedPartition[] {
  const { resolvedOffsets } = group.offsetManager;
  const committed = group.offsetManager.committedOffsets();
  const wanted: WantedPartition[] = [];
  for (const { topic, partition } of led) {
    if (group.subscriptionState.isPaused(topic, partition)) continue;
    // While a partition recovers from an offset that is out of range it has none.
    if (committed[topic]?.[partition] === undefined) continue;
    const resolved = resolvedOffsets[topic]?.[partition];
    const next = isOffset(resolved) ? resolved : committed[topic]?.[partition];
    wanted.push({ topic, partition, offset: isOffset(next) ? Number(next) : 0 });
  }
  return wanted;
}

async function batchesOf(
  group: ConsumerGroup,
  response: FetchResponse | undefined,
  wanted: readonly WantedPartition[],
): Promise<readonly FetchedBatch[]> {
  if (response === undefined) return [];
  const batches: FetchedBatch[] = [];
  /** Who still looks at the response: this function, and every batch. */
  let looking = 1;
  const returned = (): void => {
    looking -= 1;
    if (looking === 0) answerMemory.giveBack(response.bytes);
  };
  for (const answer of response.partitions) {
    const { topic, partition } = answer;
    if (answer.batches.length === 0) continue;
    const asked = wanted.find((one) => one.partition === partition && one.topic === topic);
    if (asked === undefined) continue;
    looking += 1;
    const batch = await batchOf(answer, asked.offset, returned);
    // Decompressing takes a moment too: a seek or a pause that came meanwhile counts.
    if (group.seekOffset.has(topic, partition) || group.subscriptionState.isPaused(topic, partition))
      batch?.records.discard();
    else if (batch !== undefined) batches.push(batch);
  }
  returned();
  return batches;
}

async function batchOf(
  answer: AnsweredPartition,
  fromOffset: number,
  returned: () => void,
): Promise<FetchedBatch | undefined> {
  const decoded = decodeBatches(answer.batches, fromOffset, answer.aborted, returned);
  const read = decoded instanceof Promise ? await decoded : decoded;
  if (read.lastOffset < fromOffset) {
    read.discard();
    return undefined;
  }
  return new FetchedBatch(answer.topic, answer.partition, answer.highWatermark, read);
}
