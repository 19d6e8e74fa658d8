/** A pipeline for a test that kills its processes or makes its ISPs slow. */
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Pipeline, type PipelineOptions, startPipeline } from '../../infra/pipeline/pipeline.ts';
import { Sink } from '../bench/sink.ts';

export interface OwnPipeline {
  readonly pipeline: Pipeline;
  readonly sink: Sink;
  stop(): Promise<void>;
}

/** On the stack that the environment names; the sandbox keeps arrival times only. */
export async function startOwnPipeline(
  options: Pick<PipelineOptions, 'workers' | 'overrides'> = {},
): Promise<OwnPipeline> {
  const { KAFKA_BROKERS, SCHEMA_REGISTRY_URL, REDIS_URL } = process.env;
  if (!KAFKA_BROKERS || !SCHEMA_REGISTRY_URL || !REDIS_URL)
    throw new Error('Run through `npm test`, or set KAFKA_BROKERS, SCHEMA_REGISTRY_URL and REDIS_URL.');
  const directory = mkdtempSync(join(tmpdir(), 'millrace-own-'));
  const pipeline = await startPipeline({
    directory,
    addresses: { KAFKA_BROKERS, SCHEMA_REGISTRY_URL, REDIS_URL },
    topicPrefix: `own-${randomUUID().slice(0, 8)}.`,
    ...options,
    overrides: { ...options.overrides, sandbox: { keep: 'none', verify: 'off' } },
  });
  return {
    pipeline,
    sink: new Sink(pipeline.endpoints.sandbox.http),
    async stop() {
      await pipeline.stop();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** `count` small messages of the stream, their recipients spread over the first `domains` of the long tail. */
export function* tailMails(
  name: string,
  stream: 'realtime' | 'batch',
  count: number,
  domains: number,
): Generator<{ readonly to: string; readonly body: object }, undefined> {
  for (let number = 0; number < count; number += 1) {
    const to = `${name}-${number}@tail-${String((number % domains) + 1).padStart(2, '0')}.test`;
    yield {
      to,
      body: { from: 'news@millrace.test', to: [to], subject: `${number}`, text: 'A small mail.', stream },
    };
  }
}
