/** Webhooks as a service: its own connection to Kafka, from the configuration. */
import { webhookEndpoints } from '@millrace/core';
import { connectKafka, type KafkaLogger, kafkaOptionsOf } from '@millrace/kafka';
import type { Config } from '@millrace/service';
import { observe } from './metrics.ts';
import { startWebhooks, type Webhooks } from './webhooks.ts';

export interface StartWebhooksOptions {
  readonly config: Config;
  readonly logger: KafkaLogger;
}

/** Registers the schemas, creates the endpoints' queues, joins the groups. Without endpoints it connects to nothing. */
export async function startWebhookService({ config, logger }: StartWebhooksOptions): Promise<Webhooks> {
  const kafka = await connectKafka(kafkaOptionsOf(config, 'webhooks', logger));
  try {
    if (webhookEndpoints(config.tenants).some(({ enabled }) => enabled)) await kafka.registerSchemas();
    const webhooks = await startWebhooks({ kafka, config, logger });
    const forget = observe(webhooks);
    return {
      stats: () => webhooks.stats(),
      get ready() {
        return webhooks.ready;
      },
      async stop() {
        forget();
        await webhooks.stop();
        await kafka.stop();
      },
    };
  } catch (error) {
    await kafka.stop();
    throw error;
  }
}
