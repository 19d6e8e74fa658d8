/** The delivery worker as a service: its own connection to Kafka and its own resolver, from the configuration. */
import { readFile } from 'node:fs/promises';
import type { Isp, Stream } from '@millrace/core';
import { connectKafka, type KafkaLogger, kafkaOptionsOf } from '@millrace/kafka';
import type { Config, RedisConnection } from '@millrace/service';
import { readShapingFile } from '@millrace/shaping';
import { DnsResolver, policyFetch, StsPolicies } from '@millrace/smtp';
import { keepPolicy, restorePolicies } from './redis/kept-policies.ts';
import { type Delivery, startWorker } from './worker.ts';

export interface StartDeliveryOptions {
  readonly config: Config;
  readonly logger: KafkaLogger;
  /** Stays the caller's to stop. */
  readonly redis: RedisConnection;
  readonly stream: Stream;
  /** Only these providers' shards. Default: all. */
  readonly shards?: readonly Isp[];
  /** ms since the epoch. Default: the clock. */
  readonly now?: () => number;
  /** 0 <= x < 1. Default: Math.random. */
  readonly random?: () => number;
}

/**
 * Reads shaping, keys and templates, joins the stream's group. The topics exist already. Throws ConfigError for a shaping
 * file, DkimKeyError for a key that cannot be used.
 */
export const startDelivery = async (options: StartDeliveryOptions): Promise<Delivery> => {
  const { config, logger, stream } = options;
  const [{ shaping }, ca] = await Promise.all([
    readShapingFile(config.delivery.shaping_file),
    config.delivery.ca_file === undefined ? undefined : readFile(config.delivery.ca_file, 'utf8'),
  ]);
  const resolver = new DnsResolver({
    servers: config.router.dns_servers,
    timeoutMs: config.router.dns_timeout_ms,
  });
  const policies = await keptPolicies(options, resolver, ca);
  const kafka = await connectKafka(kafkaOptionsOf(config, `delivery-${stream}`, logger));
  const stop = async (): Promise<void> => {
    await kafka.stop();
    await resolver.stop();
  };
  try {
    await kafka.registerSchemas();
    const worker = await startWorker({
      ...options,
      kafka,
      resolver,
      policies,
      shaping,
      ...(ca === undefined ? {} : { ca }),
    });
    return {
      tally: worker.tally,
      get ready() {
        return worker.ready;
      },
      stats: () => worker.stats(),
      joined: () => worker.joined(),
      stop: async () => {
        await worker.stop();
        await stop();
      },
    };
  } catch (error) {
    await stop();
    throw error;
  }
};

/** Redis is waited for so long at start, ms: without it nothing of earlier processes is known, and all is fetched anew. */
const redisLimitMs = 2_000;

const keptPolicies = async (
  { config, logger, redis, now }: StartDeliveryOptions,
  resolver: DnsResolver,
  ca: string | undefined,
): Promise<StsPolicies> => {
  const at = { client: redis.client, keyPrefix: config.redis.key_prefix };
  const policies = new StsPolicies({
    resolver,
    fetch: policyFetch({ resolver, ca, loopbackOnly: config.delivery.loopback_only }),
    onFetched: (domain, kept) => {
      keepPolicy(at, domain, kept).catch((error: unknown) => {
        logger.debug({ domain, error: String(error) }, 'an MTA-STS policy is only kept in this process');
      });
    },
    onFailure: (domain, reason) => {
      logger.warn({ domain, reason }, 'the MTA-STS policy that the domain announces cannot be had');
    },
    ...(now && { now }),
  });
  try {
    if (await redis.connected(redisLimitMs)) await restorePolicies(at, policies);
  } catch (error) {
    logger.warn({ error: String(error) }, 'MTA-STS policies of earlier processes are not known');
  }
  return policies;
};
