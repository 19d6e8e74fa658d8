/** From a task to the mail that goes out: template, blob, MIME, signature; and what happens where that cannot be. */
import { ReusedMemory } from '@millrace/core';
import {
  BlobError,
  type BlobStore,
  type CompiledTemplate,
  MessageError,
  type MessageFacts,
  prepareMessage,
  TemplateError,
} from '@millrace/message';
import type { DeliveryTask } from '@millrace/schemas';
import type { Answer } from './delivery-event.ts';
import type { Job } from './job.ts';
import type { OutcomeWriter } from './outcome-writer.ts';
import type { Templates } from './templates.ts';

export interface PreparationParts {
  readonly facts: MessageFacts;
  readonly templates: Templates;
  readonly blobs: BlobStore;
  /** Largest content taken from the blob store, bytes. */
  readonly maxBlobBytes: number;
  readonly outcomes: OutcomeWriter;
  readonly now: () => number;
}

/** Large contents in memory at once. */
const blobsAtOnce = 2;
const templateRetryMs = 60_000;

const noContent = (text: string): Answer => ({ code: null, enhanced: '5.6.0', text, phase: null });

export class Preparation {
  readonly #parts: PreparationParts;
  /** Of mails that were sent: what a mail is written into is used again for another. */
  readonly #memory = new ReusedMemory();
  #blobs = 0;
  readonly #waitingForBlob: (() => void)[] = [];

  constructor(parts: PreparationParts) {
    this.#parts = parts;
  }

  /** Sets the job's mail. False: no mail can be made of it, and what follows from that has been written. Never rejects. */
  async prepare(job: Job): Promise<boolean> {
    const task = job.held.value;
    const { outcomes, now } = this.#parts;
    try {
      if (task.blob !== null) return await this.#withBlob(job, task.blob);
      const template = this.#template(task) ?? (await this.#templateAfterAll(task));
      if (task.template_id !== null && template === undefined) {
        outcomes.postponed(job, now() + templateRetryMs, 'template_missing');
        return false;
      }
      job.mail = await prepareMessage(this.#parts.facts, task, {
        template,
        now: now(),
        memory: this.#memory,
      });
      return true;
    } catch (error) {
      this.#failed(job, error);
      return false;
    }
  }

  #template(task: DeliveryTask): CompiledTemplate | undefined {
    if (task.template_id === null || task.template_version === null) return undefined;
    return this.#parts.templates.get(task.tenant, task.template_id, task.template_version);
  }

  /** It may have been written a moment before the task. */
  async #templateAfterAll(task: DeliveryTask): Promise<CompiledTemplate | undefined> {
    if (task.template_id === null) return undefined;
    if (task.template_version === null)
      throw new MessageError('ERR_MESSAGE_NO_CONTENT', `The task names no version of ${task.template_id}.`);
    await this.#parts.templates.catchUp();
    return this.#template(task);
  }

  /** The place is kept until the mail is sent or given up: `releaseBlob`. */
  async #withBlob(job: Job, ref: string): Promise<boolean> {
    if (this.#blobs >= blobsAtOnce) await new Promise<void>((resolve) => this.#waitingForBlob.push(resolve));
    else this.#blobs += 1;
    try {
      const { facts, blobs, maxBlobBytes, now } = this.#parts;
      const blob = await blobs.get(ref, maxBlobBytes);
      job.mail = await prepareMessage(facts, job.held.value, { blob, now: now() });
      return true;
    } catch (error) {
      this.#releaseBlob();
      throw error;
    }
  }

  /** The mail is not needed any more. */
  release(job: Job): void {
    if (job.mail === undefined) return;
    if (job.taken) this.#memory.giveBack(job.mail.data);
    job.mail = undefined;
    job.taken = false;
    if (job.held.value.blob !== null) this.#releaseBlob();
  }

  #releaseBlob(): void {
    const next = this.#waitingForBlob.shift();
    if (next === undefined) this.#blobs -= 1;
    else next();
  }

  #failed(job: Job, error: unknown): void {
    const { outcomes } = this.#parts;
    const text = error instanceof Error ? error.message : String(error);
    if (
      error instanceof MessageError ||
      error instanceof TemplateError ||
      (error instanceof BlobError && !error.transient)
    ) {
      outcomes.bounced(job, null, noContent(text), 'content_rejected');
      return;
    }
    outcomes.deferred(job, null, { code: null, enhanced: '4.3.0', text, phase: null }, 'other', null);
  }
}
