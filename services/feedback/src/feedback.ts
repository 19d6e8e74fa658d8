/** The service: everything made once and wired together. */
import { topics } from '@millrace/core';
import { connectKafka, kafkaOptionsOf } from '@millrace/kafka';
import { createBlobStore } from '@millrace/message';
import type { Logger, RedisConnection } from '@millrace/service';
import { FeedbackTally } from './feedback-tally.ts';
import { startFeedbackHttp } from './http/feedback-http.ts';
import { MessageFinder } from './message-finder.ts';
import { ReportIntake } from './report-intake.ts';
import { ReportReader } from './report-reader.ts';
import { addressOptions, type FeedbackSettings } from './settings.ts';
import { certificateFor } from './smtp/certificate.ts';
import { startInbound } from './smtp/inbound.ts';
import { startSmtpBounces } from './smtp-bounces.ts';
import { SoftBounces } from './soft-bounces.ts';
import { SuppressionBook } from './suppression-book.ts';

export interface FeedbackOptions {
  readonly config: FeedbackSettings;
  readonly redis: Pick<RedisConnection, 'client'>;
  readonly logger: Pick<Logger, 'debug' | 'info' | 'warn' | 'error'>;
}

/** A running service. */
export interface Feedback {
  readonly smtpPort: number | undefined;
  readonly httpPort: number;
  readonly ready: boolean;
  stop(): Promise<void>;
}

const dayMs = 86_400_000;
const acknowledgeTimeoutMs = 10_000;

/** Registers the schemas, reads the suppressions to their end, listens, joins the groups. The topics exist already. */
export const startFeedback = async (options: FeedbackOptions): Promise<Feedback> => {
  const { config, logger } = options;
  const { feedback, redis } = config;
  const kafka = await connectKafka(kafkaOptionsOf(config, 'feedback', logger));
  try {
    await kafka.registerSchemas();
    const [incoming, producer] = await Promise.all([
      kafka.producer({ timeoutMs: acknowledgeTimeoutMs, compressAboveBytes: 16_384 }),
      kafka.producer(),
    ]);
    const blobs = createBlobStore(config.blobs);
    const intake = new ReportIntake(incoming, blobs);
    const book = new SuppressionBook(producer);
    await book.follow(kafka);
    const addresses = addressOptions(config);
    const tally = new FeedbackTally();
    const soft = new SoftBounces(options.redis.client, redis.key_prefix, {
      count: feedback.soft_bounces.count,
      withinMs: feedback.soft_bounces.within_days * dayMs,
    });
    const finder = new MessageFinder({ kafka });
    const shared = {
      ...{ kafka, producer, book, soft, tally, log: logger, now: Date.now },
      softSuppressMs: feedback.soft_bounces.suppress_days * dayMs,
    };
    const reader = new ReportReader({
      ...shared,
      blobs,
      finder,
      matchOptions: {
        ...addresses,
        tenants: Object.keys(config.tenants),
        unsubscribeUrl: config.unsubscribe?.url,
        feedbackIdSender: config.feedback_id_sender,
      },
      maxReportBytes: feedback.max_report_bytes,
    });
    const reports = await kafka.windowedConsumer({
      group: 'feedback',
      topics: [topics.reports],
      record: 'InboundReport',
      window: { records: 1_000, bytes: 4_194_304 },
      totalBytes: 33_554_432,
      handler: (held) => reader.read(held),
    });
    const bounces = await startSmtpBounces(shared);
    const http = await startFeedbackHttp({ config, intake, book, log: logger });
    const smtp = feedback.smtp.enabled
      ? await startInbound({
          host: feedback.smtp.host,
          port: feedback.smtp.port,
          hostname: feedback.smtp.hostname,
          certificate: await certificateFor(feedback.smtp),
          maxConnections: feedback.smtp.max_connections,
          mailsPerMinute: feedback.smtp.mails_per_minute,
          maxBytes: feedback.max_report_bytes,
          ...{ addresses, intake, log: logger },
        })
      : undefined;
    let joined = false;
    Promise.all([reports.joined(), bounces.joined()]).then(
      () => {
        joined = true;
      },
      (error: unknown) => logger.error({ error: String(error) }, 'a group was not joined'),
    );
    const unobserve = tally.observe(() => book.size);
    return {
      smtpPort: smtp?.port,
      httpPort: http.port,
      get ready() {
        return joined && intake.ready;
      },
      stop: async () => {
        await Promise.all([smtp?.stop(), http.stop()]);
        await Promise.all([reports.stop(), bounces.stop(), finder.stop()]);
        unobserve();
        await book.stop();
        await kafka.stop();
      },
    };
  } catch (error) {
    await kafka.stop();
    throw error;
  }
};
