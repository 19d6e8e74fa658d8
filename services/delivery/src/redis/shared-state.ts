/** Everything that workers of a stream share through Redis, on one connection. */
import type { Stream } from '@millrace/core';
import { ConnectionLeases, type ConnectionLeasesOptions } from './connection-leases.ts';
import { Journal } from './journal.ts';
import { RedisPresence } from './redis-presence.ts';
import type { RedisClient } from './redis-script.ts';
import { TokenBuckets } from './token-buckets.ts';
import { WorkerCensus } from './worker-census.ts';

export interface SharedStateOptions extends Pick<ConnectionLeasesOptions, 'onFree' | 'onLost'> {
  readonly client: RedisClient;
  readonly keyPrefix: string;
  readonly stream: Stream;
  readonly journalDays: number;
  /** Redis came or went; `error`: how that was seen. */
  readonly onPresence?: (here: boolean, error: unknown) => void;
  /** A lease that is not renewed expires after this, ms. Default 10,000. */
  readonly leaseTtlMs?: number;
  /** How long after Redis came back other workers may still be without it, ms. Default 4,000. */
  readonly returningMs?: number;
}

export interface SharedState {
  readonly presence: RedisPresence;
  readonly census: WorkerCensus;
  readonly tokens: TokenBuckets;
  readonly leases: ConnectionLeases;
  readonly journal: Journal;
  /** Begins heartbeats and renewals. */
  start(): Promise<void>;
  /** Writes what is left and takes this worker out of the census. */
  stop(): Promise<void>;
}

export const sharedState = (options: SharedStateOptions): SharedState => {
  const { client, keyPrefix, stream, onPresence, onFree, onLost, leaseTtlMs, returningMs } = options;
  const presence = new RedisPresence({
    ...(returningMs === undefined ? {} : { returningMs }),
    onChange: (here, error) => {
      if (here) void journal.settleOwed();
      onPresence?.(here, error);
    },
  });
  const census = new WorkerCensus({ client, presence, keyPrefix, stream });
  const whenAway = stream === 'realtime' ? 'share' : 'pause';
  const parts = { client, presence, census, keyPrefix, whenAway } as const;
  const tokens = new TokenBuckets(parts);
  const leases = new ConnectionLeases({
    ...parts,
    ...(leaseTtlMs === undefined ? {} : { ttlMs: leaseTtlMs }),
    ...(onFree === undefined ? {} : { onFree }),
    ...(onLost === undefined ? {} : { onLost }),
  });
  const journal = new Journal({
    client,
    presence,
    keyPrefix,
    worker: census.number,
    days: options.journalDays,
  });
  const onClose = (): void => presence.failed(new Error('the connection to Redis closed'));
  return {
    presence,
    census,
    tokens,
    leases,
    journal,
    start: async () => {
      client.on('close', onClose);
      await census.start();
      leases.start();
    },
    stop: async () => {
      client.off('close', onClose);
      await Promise.all([leases.stop(), journal.stop()]);
      await census.stop();
    },
  };
};
