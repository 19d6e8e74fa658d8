/**
 * The pipeline that tests across services send through. `test/run.ts` starts one for all files; a file that is run by
 * itself starts its own.
 */
import { randomUUID } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connectKafka, type Kafka, kafkaOptionsOf } from '@millrace/kafka';
import { loadConfig } from '@millrace/service';
import type { Endpoints } from '../../infra/pipeline/endpoints.ts';
import { startPipeline } from '../../infra/pipeline/pipeline.ts';
import { Api } from './api.ts';
import { Events } from './events.ts';
import { Mailboxes } from './mailboxes.ts';

/** How `test/run.ts` tells its files: a path to this as JSON. */
export const sharedPipelineVariable = 'MILLRACE_TEST_PIPELINE';

export interface PipelineFacts {
  readonly endpoints: Endpoints;
  readonly configurationFile: string;
}

export interface PipelineInUse extends PipelineFacts {
  readonly api: Api;
  readonly mailboxes: Mailboxes;
  /** Of messages from the time of this call on. */
  readonly events: Events;
  readonly kafka: Kafka;
  /** A name that nobody else uses, for recipients and keys. */
  unique(name: string): string;
  stop(): Promise<void>;
}

/** Starts a pipeline on the stack that the environment names. */
export async function startTestPipeline(): Promise<PipelineFacts & { stop(): Promise<void> }> {
  const { KAFKA_BROKERS, SCHEMA_REGISTRY_URL, REDIS_URL } = process.env;
  if (!KAFKA_BROKERS || !SCHEMA_REGISTRY_URL || !REDIS_URL)
    throw new Error('Run through `npm test`, or set KAFKA_BROKERS, SCHEMA_REGISTRY_URL and REDIS_URL.');
  const directory = mkdtempSync(join(tmpdir(), 'millrace-e2e-'));
  const pipeline = await startPipeline({
    directory,
    addresses: { KAFKA_BROKERS, SCHEMA_REGISTRY_URL, REDIS_URL },
    topicPrefix: `e2e-${randomUUID().slice(0, 8)}.`,
  });
  return {
    endpoints: pipeline.endpoints,
    configurationFile: pipeline.configurationFile,
    async stop() {
      await pipeline.stop();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** The shared one, or one of this file's own. */
export async function usePipeline(): Promise<PipelineInUse> {
  const file = process.env[sharedPipelineVariable];
  const own = file === undefined ? await startTestPipeline() : undefined;
  const facts: PipelineFacts = own ?? JSON.parse(readFileSync(file ?? '', 'utf8'));
  const config = loadConfig({ file: facts.configurationFile, env: process.env });
  const kafka = await connectKafka(kafkaOptionsOf(config, 'test'));
  await kafka.registerSchemas();
  const events = await Events.follow(kafka);
  const run = randomUUID().slice(0, 8);
  return {
    ...facts,
    api: new Api(facts.endpoints),
    mailboxes: new Mailboxes(facts.endpoints.sandbox.http),
    events,
    kafka,
    unique: (name) => `${name}-${run}`,
    async stop() {
      await kafka.stop();
      await own?.stop();
    },
  };
}
