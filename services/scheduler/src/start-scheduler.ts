/** The scheduler as a service: its own connection to Kafka, from the configuration. */
import { connectKafka, type KafkaLogger, kafkaOptionsOf } from '@millrace/kafka';
import type { Config } from '@millrace/service';
import { watchRetention } from './retention-watch.ts';
import { type Scheduler, startDelayTiers } from './scheduler.ts';

export interface StartSchedulerOptions {
  readonly config: Config;
  readonly logger: KafkaLogger;
  /** The clock, ms since the epoch. Default: the machine's. */
  readonly now?: () => number;
}

/** Registers the schemas, joins the groups of the delay tiers, watches what grows too old. The topics exist already. */
export async function startScheduler(options: StartSchedulerOptions): Promise<Scheduler> {
  const { config, logger, now } = options;
  const kafka = await connectKafka(kafkaOptionsOf(config, 'scheduler', logger));
  try {
    await kafka.registerSchemas();
    const tiers = await startDelayTiers({ kafka, logger, ...(now === undefined ? {} : { now }) });
    const retention = watchRetention({ kafka, logger, now: now ?? Date.now });
    return {
      stats: () => tiers.stats(),
      get ready() {
        return tiers.ready;
      },
      async stop() {
        await Promise.all([tiers.stop(), retention.stop()]);
        await kafka.stop();
      },
    };
  } catch (error) {
    await kafka.stop();
    throw error;
  }
}
