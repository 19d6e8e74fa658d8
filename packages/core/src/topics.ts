/** Topic names. Everything in the code says them without the installation's prefix; packages/kafka adds it. */
import type { Isp } from './isp.ts';
import type { Stream } from './stream.ts';

export const topics = {
  requests: 'mail.requests',
  /** Realtime requests that need not wait behind those of a batch. */
  realtimeRequests: 'mail.requests.realtime',
  events: 'mail.events',
  suppressions: 'mail.suppressions',
  /** Who suppressed whom, when and why: what the compacted table forgets. */
  suppressionChanges: 'mail.suppression-changes',
  /** What came back, not read yet. */
  reports: 'mail.reports',
  control: 'mail.control',
  templates: 'mail.templates',
} as const;

/** Where a request of the stream is put: each stream has a topic and a router of its own. */
export const requestTopic = (stream: Stream): string =>
  stream === 'realtime' ? topics.realtimeRequests : topics.requests;

/** The consumer group of a stream's routers; that of batch has the name of the topic's first readers. */
export const routerGroup = (stream: Stream): string => (stream === 'realtime' ? 'router-realtime' : 'router');

/** `mail.batch.gmail`: the shard of one (stream, ISP). */
export const shardTopic = (stream: Stream, isp: Isp): string => `mail.${stream}.${isp}`;

export interface DelayTier {
  readonly name: '10s' | '1m' | '10m' | '1h' | '6h';
  readonly waitMs: number;
}

/** Shortest first. In one tier every record waits equally long, so offset order is due order. */
export const delayTiers: readonly DelayTier[] = [
  { name: '10s', waitMs: 10_000 },
  { name: '1m', waitMs: 60_000 },
  { name: '10m', waitMs: 600_000 },
  { name: '1h', waitMs: 3_600_000 },
  { name: '6h', waitMs: 21_600_000 },
];

export const delayTopic = (tier: DelayTier): string => `mail.delay.${tier.name}`;

/** Where records go that cannot be processed. */
export const deadLetterTopic = (topic: string): string => `${topic}.dlq`;
