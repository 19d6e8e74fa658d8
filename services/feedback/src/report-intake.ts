/** A report on its way in: Kafka has it before anybody reads it. */
import { hash } from 'node:crypto';
import { deriveMessageId, newMessageId, topics } from '@millrace/core';
import type { Producer } from '@millrace/kafka';
import type { BlobStore } from '@millrace/message';
import type { InboundReport } from '@millrace/schemas';

/** How a report came. */
export type ReportSource = 'smtp' | 'http' | 'import' | 'one_click';

export interface IncomingReport {
  readonly source: ReportSource;
  readonly raw: Buffer;
  readonly mailFrom?: string | null;
  readonly recipients?: readonly string[];
  readonly remoteAddress?: string | null;
}

/** Content up to this goes into the record, above it into the blob store, bytes. */
const inlineBytes = 262_144;

const envelope = {
  ...{
    mail_from: null,
    recipients: [],
    remote_address: null,
    raw: null,
    blob: null,
    token: null,
    list: null,
  },
};

export class ReportIntake {
  readonly #producer: Producer;
  readonly #blobs: BlobStore;

  constructor(producer: Producer, blobs: BlobStore) {
    this.#producer = producer;
    this.#blobs = blobs;
  }

  /** Whether Kafka takes records. */
  get ready(): boolean {
    return this.#producer.ready;
  }

  /** Resolves with the report's id when Kafka has it. Throws KafkaUnavailableError, BlobError. `now`: ms since the epoch. */
  async take(report: IncomingReport, now: number): Promise<string> {
    const { raw } = report;
    const id = report.source === 'import' ? importedId(raw) : newMessageId(now);
    const blob = raw.length > inlineBytes ? await this.#blobs.put(raw) : null;
    await this.#send({
      ...envelope,
      report_id: id,
      source: report.source,
      received_at: now,
      mail_from: report.mailFrom ?? null,
      recipients: report.recipients ?? [],
      remote_address: report.remoteAddress ?? null,
      raw: blob === null ? raw : null,
      blob,
    });
    return id;
  }

  /** An unsubscription by a link: its token is the report. `list` null: the list of the mail. */
  async takeToken(token: string, list: string | null, remoteAddress: string, now: number): Promise<string> {
    const id = newMessageId(now);
    await this.#send({
      ...envelope,
      ...{ report_id: id, source: 'one_click', received_at: now, token, list },
      remote_address: remoteAddress,
    });
    return id;
  }

  #send(value: InboundReport): Promise<void> {
    return this.#producer.send('InboundReport', topics.reports, { key: value.report_id, value });
  }
}

/** A file that is imported twice is one report. */
const importedId = (raw: Buffer): string => deriveMessageId(0, hash('sha256', raw, 'hex'));
