/** The shaper as a service: its own connection to Kafka, from the configuration. */
import { type SpikeSettings, type SpikeThresholds, sourceWarmUps } from '@millrace/core';
import { connectKafka, type KafkaLogger, kafkaOptionsOf } from '@millrace/kafka';
import type { Config } from '@millrace/service';
import { readShapingFile } from '@millrace/shaping';
import { observe } from './metrics.ts';
import { type Shaper, startShaping } from './shaper.ts';

export interface StartShaperOptions {
  readonly config: Config;
  readonly logger: KafkaLogger;
  /** The clock, ms since the epoch. Default: the machine's. */
  readonly now?: () => number;
}

/** Registers the schemas, reads the shaping file, joins the group. The topics exist already. Throws ConfigError. */
export async function startShaper(options: StartShaperOptions): Promise<Shaper> {
  const { config, logger, now } = options;
  const { text, file } = await readShapingFile(config.delivery.shaping_file);
  const kafka = await connectKafka(kafkaOptionsOf(config, 'shaper', logger));
  try {
    await kafka.registerSchemas();
    const shaper = await startShaping({
      kafka,
      logger,
      shaping: { yaml: text, name: file },
      act: config.shaper.act,
      warmUps: sourceWarmUps(config),
      spikes: spikeSettings(config.shaper.spikes),
      ...(now === undefined ? {} : { now }),
    });
    const forget = observe(shaper);
    return {
      stats: () => shaper.stats(),
      get ready() {
        return shaper.ready;
      },
      async stop() {
        forget();
        await shaper.stop();
        await kafka.stop();
      },
    };
  } catch (error) {
    await kafka.stop();
    throw error;
  }
}

const spikeSettings = ({
  suspend,
  complaints,
  bounces,
  blocks,
}: Config['shaper']['spikes']): SpikeSettings => ({
  suspend,
  measures: {
    complaints: thresholdsOf(complaints),
    bounces: thresholdsOf(bounces),
    blocks: thresholdsOf(blocks),
  },
});

const thresholdsOf = (settings: Config['shaper']['spikes']['complaints']): SpikeThresholds => ({
  warnShare: settings.warn_share,
  pauseShare: settings.pause_share,
  leastMails: settings.least_mails,
  leastCount: settings.least_count,
  windowMs: settings.window_minutes * 60_000,
});
