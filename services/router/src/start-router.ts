/** The router as a service: its own connection to Kafka, from the configuration. */
import type { Stream } from '@millrace/core';
import { connectKafka, type KafkaLogger, kafkaOptionsOf } from '@millrace/kafka';
import type { Config } from '@millrace/service';
import type { MxLookup } from './domain-routes.ts';
import { type RunningRouter, startRouting } from './routing.ts';

export interface StartRouterOptions {
  readonly config: Config;
  readonly logger: KafkaLogger;
  /** Whose requests it takes. */
  readonly stream: Stream;
  /** Where mail exchangers are asked for. */
  readonly lookup: MxLookup;
  /** ms since the epoch. Default: the clock. */
  readonly now?: () => number;
}

/** Registers the schemas, reads suppressions and templates to their end, joins the group. The topics exist already. */
export const startRouter = async (options: StartRouterOptions): Promise<RunningRouter> => {
  const { config, logger, stream, lookup, now } = options;
  const kafka = await connectKafka(kafkaOptionsOf(config, 'router', logger));
  try {
    await kafka.registerSchemas();
    const routing = await startRouting({
      config,
      stream,
      kafka,
      lookup,
      logger,
      ...(now === undefined ? {} : { now }),
    });
    return {
      tally: routing.tally,
      get ready() {
        return routing.ready;
      },
      joined: () => routing.joined(),
      stop: async () => {
        await routing.stop();
        await kafka.stop();
      },
    };
  } catch (error) {
    await kafka.stop();
    throw error;
  }
};
