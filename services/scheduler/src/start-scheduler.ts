/** The scheduler as a service: its own connection to Kafka, from the configuration. */
import { connectKafka, type KafkaLogger, kafkaOptionsOf } from '@millrace/kafka';
import type { Config } from '@millrace/service';
import { type Scheduler, startDelayTiers } from './scheduler.ts';

export interface StartSchedulerOptions {
  readonly config: Config;
  readonly logger: KafkaLogger;
  /** The clock, ms since the epoch. Default: the machine's. */
  readonly now?: () => number;
}

/** Registers the schemas, joins the groups of the delay tiers. The topics exist already. */
export async function startScheduler(options: StartSchedulerOptions): Promise<Scheduler> {
  const { config, logger, now } = options;
  const kafka = await connectKafka(kafkaOptionsOf(config, 'scheduler', logger));
  try {
    await kafka.registerSchemas();
    const tiers = await startDelayTiers({ kafka, logger, ...(now === undefined ? {} : { now }) });
    return {
      stats: () => tiers.stats(),
      get ready() {
        return tiers.ready;
      },
      async stop() {
        await tiers.stop();
        await kafka.stop();
      },
    };
  } catch (error) {
    await kafka.stop();
    throw error;
  }
}
