/** The service: everything made once and wired together. */
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { connectKafka, kafkaOptionsOf } from '@millrace/kafka';
import { composeForBlob, createBlobStore } from '@millrace/message';
import { Acceptance } from './acceptance.ts';
import { AcceptanceTally, measure } from './acceptance-tally.ts';
import { BlobOffload } from './blob-offload.ts';
import { ByteBudget } from './byte-budget.ts';
import { startCensus } from './census.ts';
import { ControlList } from './control-list.ts';
import { createHttpServer } from './http/http-server.ts';
import { Repeatable } from './idempotency.ts';
import type { Ingest, IngestOptions } from './index.ts';
import { KeyRate } from './key-rate.ts';
import { Keyring } from './keyring.ts';
import { certificateFor } from './smtp/certificate.ts';
import { startSubmission } from './smtp/submission.ts';
import { Spine } from './spine.ts';
import { Submitter } from './submitter.ts';
import { SuppressionList } from './suppression-list.ts';
import { SuppressionWriter } from './suppression-writer.ts';
import { TemplateCatalogue } from './template-catalogue.ts';
import { TemplateStore } from './template-store.ts';

/** Template sources kept in memory; the rest is in files of the state directory. */
const templateBytes = 32 * 1_048_576;
/** JSON around the content of the largest message. */
const jsonOverheadBytes = 1_048_576;
/** All messages that are being received by SMTP together, at least. */
const receivingBytes = 67_108_864;
const hourMs = 3_600_000;

/** Starts HTTP and SMTP ingest; resolves when both listen. Kafka may come later: until then requests get 503. */
export const startIngest = async (options: IngestOptions): Promise<Ingest> => {
  const { config, logger } = options;
  const redis = options.redis.client;
  const { ingest } = config;
  const keyring = new Keyring(config);
  const keyPrefix = config.redis.key_prefix;

  const templates = new TemplateStore(
    join(config.state_directory, `templates-${process.pid}`),
    templateBytes,
  );
  const catalogue = new TemplateCatalogue(templates);
  const suppressions = new SuppressionList();
  const controls = new ControlList();
  const kafka = await connectKafka(kafkaOptionsOf(config, 'ingest', logger));
  const spine = new Spine({
    kafka,
    partitions: config.kafka.partitions,
    replicationFactor: config.kafka.replication_factor,
    follow: (connected) =>
      Promise.all([catalogue.follow(connected), suppressions.follow(connected), controls.follow(connected)]),
    log: logger,
  });

  const blobs = createBlobStore(config.blobs);
  const acceptance = new Acceptance(
    spine,
    new BlobOffload({
      inlineMaxBytes: ingest.inline_max_bytes,
      put: (bytes) => blobs.put(bytes),
      compose: composeForBlob,
    }),
  );
  const tally = new AcceptanceTally();
  const budget = new ByteBudget(Math.max(receivingBytes, 2 * ingest.max_message_bytes));
  const submitter = new Submitter({
    acceptance,
    catalogue,
    tally,
    maxMessageBytes: ingest.max_message_bytes,
    maxRecipients: ingest.max_recipients,
  });
  const withoutRedis = (what: string) => (error: unknown) => logger.warn({ err: error }, what);
  const census = startCensus(redis, keyPrefix);
  const rate = new KeyRate({
    redis,
    keyPrefix,
    processes: () => census.processes,
    onUnavailable: withoutRedis('Rates of API keys are kept without Redis'),
  });
  const repeatable = new Repeatable({
    redis,
    keyPrefix,
    rememberMs: ingest.idempotency_hours * hourMs,
    onUnchecked: withoutRedis('An idempotency key could not be compared'),
  });

  const app = await createHttpServer({
    messages: {
      keyring,
      submitter,
      repeatable,
      rate,
      log: logger,
      maxBodyBytes: Math.ceil((ingest.max_message_bytes * 4) / 3) + jsonOverheadBytes,
    },
    templates: { keyring, catalogue, spine },
    suppressions: {
      keyring,
      list: suppressions,
      spine,
      kafka,
      writer: new SuppressionWriter(spine, suppressions),
    },
    controls: { keyring, list: controls, spine, names: config, log: logger },
    health: { kafka: () => spine.ready, redis: () => options.redis.ready },
    log: logger,
  });
  await app.listen({ host: ingest.http.host, port: ingest.http.port });
  const { port } = addressOf(app.server.address());

  const smtp = ingest.smtp.enabled
    ? await startSubmission({
        host: ingest.smtp.host,
        port: ingest.smtp.port,
        hostname: ingest.smtp.hostname,
        certificate: await certificateFor(ingest.smtp),
        allowInsecureAuth: ingest.smtp.allow_insecure_auth,
        maxConnections: ingest.smtp.max_connections,
        maxMessageBytes: ingest.max_message_bytes,
        maxRecipients: ingest.max_recipients,
        keyring,
        submitter,
        rate,
        budget,
        log: logger,
      })
    : undefined;

  const unmeasure = measure({
    tally,
    receivingBytes: () => budget.takenBytes,
    kafkaReady: () => spine.ready,
  });
  return {
    httpUrl: `http://${ingest.http.host}:${port}`,
    smtp,
    get ready() {
      return spine.ready;
    },
    stop: async () => {
      await Promise.all([app.close(), smtp?.stop()]);
      unmeasure();
      await spine.stop();
      await census.stop();
      templates.close();
    },
  };
};

const addressOf = (address: string | AddressInfo | null): Pick<AddressInfo, 'port'> =>
  typeof address === 'object' && address !== null ? address : { port: 0 };
