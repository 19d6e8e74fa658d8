/** Dead letters on kafkajs. */
import { randomUUID } from 'node:crypto';
import { deadLetterTopic } from '@millrace/core';
import { deadLetterHeaders } from './dead-letter.ts';
import type { DeadLetterCount, DeadLetters, ReadLetter, Replay, ReplaySelection } from './dead-letters.ts';
import { KafkaRefusedError, RecordTooLargeError } from './errors.ts';
import type { Producer } from './producer.ts';
import { ownHeaders, type RecordHeaders } from './record-headers.ts';
import {
  decodeMark,
  encodeMark,
  type OffsetRange,
  ReplayLedger,
  type ReplayMark,
  rangesOf,
  replayMarkHeader,
} from './replay-ledger.ts';
import { topicOffsets } from './topic-offsets.ts';
import { TopicReader, type TopicReaderParts } from './topic-reader.ts';
import type { WireRecord } from './wire/record-batch-decoder.ts';

export interface DeadLetterBoxParts extends TopicReaderParts {
  readonly prefix: string;
  /** A producer that gives up on a broker that does not answer. */
  readonly producer: () => Promise<Producer>;
}

/** What a dead-letter topic holds. */
type Content =
  | { readonly kind: 'letter'; readonly letter: Omit<ReadLetter, 'state'> }
  | { readonly kind: 'mark'; readonly mark: ReplayMark };

const ending = deadLetterTopic('');
/** Sent at once; also how many an interruption waits for. */
const chunkLetters = 100;
/** Ranges in one mark: some 40 kB of JSON. */
const markRanges = 2_000;
const ourHeaders: ReadonlySet<string> = new Set(Object.values(deadLetterHeaders));

export class DeadLetterBox implements DeadLetters {
  readonly #parts: DeadLetterBoxParts;

  constructor(parts: DeadLetterBoxParts) {
    this.#parts = parts;
  }

  async list(): Promise<readonly DeadLetterCount[]> {
    const { admin, prefix } = this.#parts;
    const connected = await admin();
    const topics = (await connected.listTopics())
      .filter((topic) => topic.startsWith(prefix) && topic.endsWith(ending))
      .map((topic) => topic.slice(prefix.length))
      .sort();
    const counts: DeadLetterCount[] = [];
    for (const topic of topics) {
      const offsets = await topicOffsets(connected, prefix + topic);
      if (offsets.every(({ low, high }) => low === high)) continue;
      const count = await this.#count(topic);
      if (count.letters > 0) counts.push(count);
    }
    return counts;
  }

  async read(topic: string, onLetter: (letter: ReadLetter) => void | Promise<void>): Promise<void> {
    await this.#refuseOthers(topic);
    const ledger = await this.#ledger(topic);
    await this.#through(topic, (content) =>
      content.kind === 'letter'
        ? onLetter({ ...content.letter, state: ledger.stateOf(content.letter.offset) })
        : undefined,
    );
  }

  async replay(topic: string, selection: ReplaySelection = {}): Promise<Replay> {
    await this.#refuseOthers(topic);
    const { from = 0, to = Number.MAX_SAFE_INTEGER, again = false, signal } = selection;
    const ledger = new ReplayLedger();
    const selected: { offset: number; topic: string }[] = [];
    const reader = this.#reader(topic, (content) => {
      if (content.kind === 'mark') return ledger.apply(content.mark);
      const { offset, origin } = content.letter;
      if (offset >= from && offset <= to) selected.push({ offset, topic: origin.topic });
    });
    try {
      await reader.start();
      await reader.catchUp();
      const stateOf = ({ offset }: { readonly offset: number }) => ledger.stateOf(offset);
      const wanted = selected.filter((one) => again || stateOf(one) === 'waiting');
      const before = again ? 0 : selected.filter((one) => stateOf(one) === 'replayed').length;
      const begun = again ? 0 : selected.filter((one) => stateOf(one) === 'begun').length;
      const nothing = { replayed: 0, byTopic: {}, before, begun, notSent: 0, unknown: 0 };
      if (wanted.length === 0 || signal?.aborted === true) return nothing;
      if (selection.dryRun === true) return { ...nothing, ...countBy(wanted.map((one) => one.topic)) };
      const replay = randomUUID();
      const producer = await this.#parts.producer();
      const mark = (state: ReplayMark['state'], offsets: readonly number[]): Promise<void> =>
        this.#mark(producer, topic, { replay, state, offsets: rangesOf(offsets), again });
      await mark(
        'begun',
        wanted.map(({ offset }) => offset),
      );
      // Of two at once, the log says who came first.
      await reader.catchUp();
      const ours = new Set(
        wanted.filter(({ offset }) => ledger.owns(replay, offset)).map(({ offset }) => offset),
      );
      const sent = await this.#send(topic, producer, ours, signal);
      const gone = new Set([...sent.done, ...sent.unknown]);
      const notSent = [...ours].filter((offset) => !gone.has(offset));
      await mark('done', sent.done);
      await mark('given_back', notSent);
      return {
        ...nothing,
        ...countBy(sent.topics),
        before: before + (wanted.length - ours.size),
        notSent: notSent.length,
        unknown: sent.unknown.length,
      };
    } finally {
      await reader.stop();
    }
  }

  /** Sends what `ours` names, some at a time. */
  async #send(
    topic: string,
    producer: Producer,
    ours: ReadonlySet<number>,
    signal: AbortSignal | undefined,
  ): Promise<{ readonly done: number[]; readonly unknown: number[]; readonly topics: string[] }> {
    const done: number[] = [];
    const unknown: number[] = [];
    const topics: string[] = [];
    let chunk: Promise<void>[] = [];
    const sendOne = async ({ offset, origin, key, value, headers }: Omit<ReadLetter, 'state'>) => {
      try {
        await producer.sendBytes(origin.topic, { key: key ?? Buffer.alloc(0), value, headers });
        done.push(offset);
        topics.push(origin.topic);
      } catch (error) {
        const refused = error instanceof RecordTooLargeError || error instanceof KafkaRefusedError;
        if (!refused) unknown.push(offset);
        this.#parts.logger.warn({ topic, offset, error: String(error) }, 'a dead letter was not sent');
      }
    };
    await this.#through(topic, (content) => {
      if (content.kind !== 'letter' || !ours.has(content.letter.offset)) return undefined;
      // One without an answer: the rest waits for a cluster that answers.
      if (signal?.aborted === true || unknown.length > 0) return undefined;
      chunk.push(sendOne(content.letter));
      if (chunk.length < chunkLetters) return undefined;
      const full = chunk;
      chunk = [];
      return Promise.all(full).then(() => undefined);
    });
    await Promise.all(chunk);
    const rising = (a: number, b: number) => a - b;
    return { done: done.sort(rising), unknown: unknown.sort(rising), topics };
  }

  async #mark(producer: Producer, topic: string, mark: ReplayMark): Promise<void> {
    for (let start = 0; start < mark.offsets.length; start += markRanges) {
      const offsets: readonly OffsetRange[] = mark.offsets.slice(start, start + markRanges);
      await producer.sendBytes(topic, {
        key: mark.replay,
        value: encodeMark({ ...mark, offsets }),
        headers: { [replayMarkHeader]: mark.state },
      });
    }
  }

  async #count(topic: string): Promise<DeadLetterCount> {
    const ledger = new ReplayLedger();
    const offsets: number[] = [];
    await this.#through(topic, (content) => {
      if (content.kind === 'mark') ledger.apply(content.mark);
      else offsets.push(content.letter.offset);
    });
    const inState = (state: string): number =>
      offsets.filter((offset) => ledger.stateOf(offset) === state).length;
    return { topic, letters: offsets.length, replayed: inState('replayed'), begun: inState('begun') };
  }

  async #ledger(topic: string): Promise<ReplayLedger> {
    const ledger = new ReplayLedger();
    await this.#through(topic, (content) => {
      if (content.kind === 'mark') ledger.apply(content.mark);
    });
    return ledger;
  }

  /** Everything that is in the topic now. */
  async #through(topic: string, onContent: (content: Content) => void | Promise<void>): Promise<void> {
    let failed: { readonly error: unknown } | undefined;
    const reader = this.#reader(topic, async (content) => {
      if (failed !== undefined) return;
      try {
        await onContent(content);
      } catch (error) {
        failed = { error };
      }
    });
    try {
      await reader.start();
      await reader.catchUp();
    } finally {
      await reader.stop();
    }
    if (failed !== undefined) throw failed.error;
  }

  #reader(topic: string, onContent: (content: Content) => void | Promise<void>): TopicReader {
    return new TopicReader(this.#parts, {
      topic: this.#parts.prefix + topic,
      from: 'earliest',
      onMessage: (message) => {
        const content = contentOf(topic, message);
        return content === undefined ? undefined : onContent(content);
      },
    });
  }

  /** Offsets name a letter only where the topic has one partition, as ours have. */
  async #refuseOthers(topic: string): Promise<void> {
    const { admin, prefix } = this.#parts;
    const connected = await admin();
    if (!topic.endsWith(ending) || !(await connected.listTopics()).includes(prefix + topic))
      throw new KafkaRefusedError(`There is no dead-letter topic ${prefix}${topic}`);
    const partitions = (await topicOffsets(connected, prefix + topic)).length;
    if (partitions !== 1)
      throw new KafkaRefusedError(`${prefix}${topic} has ${partitions} partitions; dead letters have one`);
  }
}

/** Undefined: neither a dead letter of this topic nor a mark. */
function contentOf(topic: string, message: WireRecord): Content | undefined {
  const headers = ownHeaders(message.headers);
  if (headers[replayMarkHeader] !== undefined) {
    const mark = decodeMark(message.value ?? Buffer.alloc(0));
    return mark === undefined ? undefined : { kind: 'mark', mark };
  }
  const text = (name: string): string | undefined => headers[name]?.toString();
  const from = text(deadLetterHeaders.topic);
  if (from === undefined || deadLetterTopic(from) !== topic) return undefined;
  const kept: RecordHeaders = Object.fromEntries(
    Object.entries(headers).filter(([name]) => !ourHeaders.has(name)),
  );
  return {
    kind: 'letter',
    letter: {
      offset: message.offset,
      // What was read lies in the fetched buffer, which is not kept.
      key: message.key === null ? null : Buffer.from(message.key),
      value: Buffer.from(message.value ?? Buffer.alloc(0)),
      headers: kept,
      reason: text(deadLetterHeaders.reason) ?? '',
      group: text(deadLetterHeaders.group) ?? '',
      time: Date.parse(text(deadLetterHeaders.time) ?? '') || message.timestamp,
      origin: {
        topic: from,
        partition: Number(text(deadLetterHeaders.partition)),
        offset: Number(text(deadLetterHeaders.offset)),
      },
    },
  };
}

function countBy(topics: readonly string[]): Pick<Replay, 'replayed' | 'byTopic'> {
  const byTopic: Record<string, number> = {};
  for (const topic of topics) byTopic[topic] = (byTopic[topic] ?? 0) + 1;
  return { replayed: topics.length, byTopic };
}
