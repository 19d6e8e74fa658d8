/** Takes reports off mail.reports, reads them, and writes what they change. A report is complete when all of that is written. */
import { setTimeout as sleep } from 'node:timers/promises';
import { suppressionKey, topics } from '@millrace/core';
import { type FeedbackReport, parseReport } from '@millrace/feedback';
import { type Held, type Kafka, KafkaClosedError, type Producer } from '@millrace/kafka';
import { BlobError, type BlobStore } from '@millrace/message';
import type { InboundReport, SuppressionChange } from '@millrace/schemas';
import { type Decision, decide, suppressionOf, type WantedSuppression } from './decide.ts';
import type { FeedbackTally } from './feedback-tally.ts';
import { type Match, type MatchOptions, match, matchToken } from './match.ts';
import type { MessageFinder } from './message-finder.ts';
import type { SoftBounces } from './soft-bounces.ts';
import type { SuppressionBook } from './suppression-book.ts';

export interface ReportReaderParts {
  readonly kafka: Kafka;
  readonly producer: Producer;
  readonly blobs: BlobStore;
  readonly finder: MessageFinder;
  readonly book: SuppressionBook;
  readonly soft: SoftBounces;
  readonly matchOptions: MatchOptions;
  readonly maxReportBytes: number;
  /** How long too many soft bounces suppress, ms. */
  readonly softSuppressMs: number;
  readonly tally: FeedbackTally;
  readonly log: { warn(details: object, text: string): void };
  /** ms since the epoch. */
  readonly now: () => number;
}

/** Name of the header that a report has which is read again. */
export const replayHeader = 'millrace-replay';

const retryMs = 1_000;

/** What a link's token stands for, in the words of the parser. */
const oneClick: FeedbackReport = {
  ...{ kind: 'unsubscribe', reason: null, origin: null, recipients: [], complaint: null, sentTo: [] },
  ...{ from: null, subject: null, answers: [], returned: null, truncated: false },
};

export class ReportReader {
  readonly #parts: ReportReaderParts;

  constructor(parts: ReportReaderParts) {
    this.#parts = parts;
  }

  /** Handler of the windowed consumer. What is away (the blob store, Redis) is waited for. */
  async read(held: Held<InboundReport>): Promise<void> {
    for (;;) {
      try {
        await this.#readOnce(held);
        held.complete();
        return;
      } catch (error) {
        if (error instanceof KafkaClosedError || held.lost.aborted) return;
        if (error instanceof BlobError && !error.transient) return held.reject(error.message);
        this.#parts.log.warn({ err: error, report: held.value.report_id }, 'A report waits');
        await sleep(retryMs, undefined, { signal: held.lost }).catch(() => undefined);
      }
    }
  }

  async #readOnce(held: Held<InboundReport>): Promise<void> {
    const { tally, finder, matchOptions } = this.#parts;
    const inbound = held.value;
    const { report, found } = await this.#parse(inbound);
    tally.reports(report.kind, report.origin ?? 'unknown');
    if (report.kind === 'unknown' || report.kind === 'delay') return;
    tally.matched(found.by);
    const message = found.messageId === null ? undefined : await finder.find(found.messageId);
    const decision = decide({
      reportId: inbound.report_id,
      receivedAt: inbound.received_at,
      trusted: inbound.source === 'http' || inbound.source === 'import',
      report:
        // A mail to an unsubscribe address asks for one thing, whatever it says; a machine's answer does not ask.
        found.atUnsubscribe && report.kind !== 'auto-reply' && report.kind !== 'bounce'
          ? { ...report, kind: 'unsubscribe' }
          : report,
      match: found,
      message: message !== undefined && matchOptions.tenants.includes(message.tenant) ? message : undefined,
      list: inbound.list,
    });
    await this.#write(decision, inbound, held.headers[replayHeader] !== undefined);
  }

  async #parse(inbound: InboundReport): Promise<{ readonly report: FeedbackReport; readonly found: Match }> {
    const { matchOptions } = this.#parts;
    if (inbound.token !== null) {
      const found = matchToken(inbound.token, matchOptions.secret);
      return found === undefined
        ? { report: { ...oneClick, kind: 'unknown', reason: 'mail' }, found: noMatch }
        : { report: oneClick, found };
    }
    const raw = inbound.raw ?? (await this.#parts.blobs.get(inbound.blob ?? '', this.#parts.maxReportBytes));
    let report = await parseReport(raw);
    const found = match(inbound, report, matchOptions);
    // What was sent to an unsubscribe address need not look like anything.
    if (report.kind === 'unknown' && found.atUnsubscribe) report = { ...report, kind: 'unsubscribe' };
    return { report, found };
  }

  async #write({ event, suppress, soft }: Decision, inbound: InboundReport, again: boolean): Promise<void> {
    const { producer, tally } = this.#parts;
    // First what may be away, so that nothing is told twice while it is.
    const tooMany =
      soft !== undefined &&
      (await this.#parts.soft.add(soft.tenant, soft.address, soft.messageId, inbound.received_at));
    const writes: Promise<void>[] = [];
    if (event !== undefined) {
      tally.event(event.kind);
      writes.push(
        producer.send('MessageEvent', topics.events, {
          key: event.message_id || event.event_id,
          value: event,
        }),
      );
    }
    if (suppress !== undefined) writes.push(this.#suppress(suppress, inbound, null, again));
    if (tooMany) {
      const wanted = { ...soft, reason: 'bounce', streams: [], list: null } as const;
      const expiresAt = inbound.received_at + this.#parts.softSuppressMs;
      writes.push(this.#suppress(wanted, inbound, expiresAt, again));
    }
    await Promise.all(writes);
  }

  /** Nothing that is in force already is written again; nothing that was undone since comes back by a replay. */
  async #suppress(
    wanted: WantedSuppression,
    inbound: InboundReport,
    expiresAt: number | null,
    again: boolean,
  ): Promise<void> {
    const { book, tally, now } = this.#parts;
    if (expiresAt !== null && expiresAt <= now()) return;
    const isOver = expiresAt !== null || wanted.reason === 'unsubscribe';
    if (isOver && book.covers(wanted, now())) return;
    if (again && (await this.#settledSince(wanted, inbound.received_at))) return;
    tally.suppressed(wanted.reason);
    await book.add(suppressionOf(wanted, inbound.received_at, expiresAt));
  }

  /** Whether what the report asked for was done, or undone, at its time or later. */
  async #settledSince(wanted: WantedSuppression, since: number): Promise<boolean> {
    const changes: SuppressionChange[] = [];
    const tail = await this.#parts.kafka.tail({
      topic: topics.suppressionChanges,
      record: 'SuppressionChange',
      from: since,
      key: suppressionKey(wanted.tenant, wanted.address),
      onRecord: ({ value }) => {
        if (value.list === wanted.list && value.time >= since) changes.push(value);
      },
    });
    try {
      await tail.caughtUp();
    } finally {
      await tail.stop();
    }
    return changes.length > 0;
  }
}

const noMatch: Match = {
  ...{ by: 'none', certainty: 'none', messageId: null, tenant: null, recipient: null },
  ...{ campaign: null, list: null, atUnsubscribe: false },
};
