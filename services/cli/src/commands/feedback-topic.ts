/** `millrace feedback import` and `replay`: reports onto mail.reports, from files or from what is there. */
import { createHash } from 'node:crypto';
import { deriveMessageId, topics } from '@millrace/core';
import type { Kafka, Producer } from '@millrace/kafka';
import type { InboundReport } from '@millrace/schemas';
import type { CommandContext } from '../context.ts';
import type { Ending } from '../exit-codes.ts';
import { momentFlag, timeFlag } from '../flags.ts';
import { withRecords } from '../kafka-session.ts';
import { tooLateFor, within } from '../patience.ts';
import { printable } from '../printable.ts';
import { readMails } from '../report-files.ts';
import { grouped } from '../terminal.ts';

export interface ImportFlags {
  readonly mbox?: boolean;
}
export interface ReplayFlags {
  readonly since: string;
  readonly timeout: string;
}

/** So much of a report goes into a record, bytes: what it says stands at its beginning. */
const mostBytes = 900_000;
const inFlight = 500;

/** Writes at most so many at once. */
class Writes {
  #promises: Promise<void>[] = [];
  count = 0;

  async add(write: Promise<void>): Promise<void> {
    this.#promises.push(write);
    this.count++;
    if (this.#promises.length >= inFlight) await this.done();
  }

  async done(): Promise<void> {
    await Promise.all(this.#promises);
    this.#promises = [];
  }
}

const write = (producer: Producer, value: InboundReport, replayed?: string): Promise<void> =>
  producer.send('InboundReport', topics.reports, {
    key: value.report_id,
    value,
    ...(replayed === undefined ? {} : { headers: { 'millrace-replay': replayed } }),
  });

/** The same mail is the same report, however often it is imported. */
const importedReport = (raw: Buffer, now: number): InboundReport => ({
  report_id: deriveMessageId(0, createHash('sha256').update(raw).digest('hex')),
  source: 'import',
  received_at: now,
  ...{ mail_from: null, recipients: [], remote_address: null, blob: null, token: null, list: null },
  raw: raw.subarray(0, mostBytes),
});

const withProducer = <T>(
  context: CommandContext,
  use: (kafka: Kafka, producer: Producer) => Promise<T>,
): Promise<T> =>
  withRecords(context, async (kafka) => {
    await kafka.registerSchemas();
    return use(kafka, await kafka.producer());
  });

/** Hands reports of files to the feedback service. A file that cannot be read is named, and the command ends as `usage`. */
export async function importReports(
  context: CommandContext,
  names: readonly string[],
  flags: ImportFlags,
): Promise<Ending> {
  const { terminal, json, signal } = context;
  return withProducer(context, async (_kafka, producer): Promise<Ending> => {
    const writes = new Writes();
    let problems = 0;
    for await (const mail of readMails(context, names, flags.mbox === true)) {
      if (signal.aborted) break;
      if ('problem' in mail) {
        problems++;
        terminal.problem(printable(`millrace: ${mail.file}: ${mail.problem}.`));
      } else await writes.add(write(producer, importedReport(mail.raw, context.now())));
    }
    await writes.done();
    if (json) terminal.line(JSON.stringify({ imported: writes.count, problems }));
    else terminal.line(`${grouped(writes.count)} reports imported; millrace events shows what they changed.`);
    return problems > 0 ? 'usage' : 'ok';
  });
}

/** Has the reports since then read once more, each once. What was undone since stays undone. */
export async function replayReports(context: CommandContext, flags: ReplayFlags): Promise<Ending> {
  const since = momentFlag('--since', flags.since, context.now());
  const timeoutMs = timeFlag('--timeout', flags.timeout);
  const startedAt = String(context.now());
  return withProducer(context, async (kafka, producer): Promise<Ending> => {
    const writes = new Writes();
    const seen = new Set<string>();
    const tail = await kafka.tail({
      topic: topics.reports,
      record: 'InboundReport',
      from: since,
      onRecord: async ({ value, headers }) => {
        // What a replay has put there is a copy of what stands before it.
        if (headers['millrace-replay'] !== undefined || seen.has(value.report_id)) return;
        seen.add(value.report_id);
        await writes.add(write(producer, value, startedAt));
      },
    });
    try {
      await within(tail.caughtUp(), timeoutMs, context.signal, () =>
        tooLateFor('The reports could not all be read', flags.timeout, 'Give a longer --timeout.'),
      );
    } finally {
      await tail.stop();
    }
    await writes.done();
    if (context.json) context.terminal.line(JSON.stringify({ replayed: writes.count }));
    else context.terminal.line(`${grouped(writes.count)} reports are read once more.`);
    return 'ok';
  });
}
