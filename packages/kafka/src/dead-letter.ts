/** Records that cannot be processed go to their topic's dead letters, byte for byte, with the reason in headers. */
import { deadLetterTopic } from '@millrace/core';
import type { Producer } from './producer.ts';
import type { RecordHeaders } from './record-headers.ts';

/** Header names: why, where and when. */
export const deadLetterHeaders = {
  reason: 'millrace-reason',
  topic: 'millrace-topic',
  partition: 'millrace-partition',
  offset: 'millrace-offset',
  group: 'millrace-group',
  /** ISO 8601. */
  time: 'millrace-time',
} as const;

export interface DeadLetter {
  readonly group: string;
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly key: Buffer | null;
  readonly bytes: Buffer;
  readonly headers: RecordHeaders;
  readonly reason: string;
}

/** Resolves when the dead letter is acknowledged. */
export function sendDeadLetter(producer: Producer, letter: DeadLetter): Promise<void> {
  return producer.sendBytes(deadLetterTopic(letter.topic), {
    key: letter.key ?? Buffer.alloc(0),
    value: letter.bytes,
    headers: {
      ...letter.headers,
      [deadLetterHeaders.reason]: letter.reason.slice(0, 2_000),
      [deadLetterHeaders.topic]: letter.topic,
      [deadLetterHeaders.partition]: String(letter.partition),
      [deadLetterHeaders.offset]: String(letter.offset),
      [deadLetterHeaders.group]: letter.group,
      [deadLetterHeaders.time]: new Date().toISOString(),
    },
  });
}
