/**
 * One endpoint: its events in hand, its requests, what it did not take. Nothing here waits for another endpoint.
 *
 * A request that failed is repeated as it is, twice, within seconds. What fails once more goes into the delay tiers and
 * comes back to the endpoint's queue, while the endpoint takes other events. Is it not taking any (the circuit is open), nothing
 * is moved: its events stay where they are, at the most a window of them in memory, and one request at a time tries.
 */
import { randomUUID } from 'node:crypto';
import {
  afterEndpointFailure,
  afterSuccess,
  batchLimit,
  type Circuit,
  type CircuitPolicy,
  deadLetterTopic,
  freshCircuit,
  isOpen,
  mayPost,
  placeOf,
  quickWaitMs,
  slowWaitMs,
  type WebhookEndpoint,
  type WebhookSchedule,
  webhookBody,
  webhookTopics,
  withWaiting,
} from '@millrace/core';
import {
  deadLetterHeaders,
  enqueueDelayed,
  type Held,
  type KafkaLogger,
  type Producer,
} from '@millrace/kafka';
import type { MessageEvent, WebhookAttempt } from '@millrace/schemas';
import { MessageChains } from './message-chains.ts';
import type { Posted, Poster } from './poster.ts';
import { type QueuedEvent, queuedEvent, queueHeaders } from './queued-event.ts';
import type { StateTable, Waiting } from './state-table.ts';

export interface LaneParts {
  readonly endpoint: WebhookEndpoint;
  readonly poster: Poster;
  readonly state: StateTable;
  readonly producer: Producer;
  readonly logger: KafkaLogger;
  readonly schedule: WebhookSchedule;
  readonly circuit: CircuitPolicy;
  readonly counts: WebhookCounts;
  /** ms since the epoch. */
  readonly now: () => number;
  readonly random: () => number;
}

/** What was done since the start, over all endpoints. */
export interface WebhookCounts {
  delivered: number;
  failed: number;
  delayed: number;
  dead: number;
  /** Requests by their outcome. */
  readonly requests: { taken: number; refused: number };
}

interface Batch {
  /** webhook-id: stays while the request is repeated as it is. */
  readonly id: string;
  readonly events: readonly QueuedEvent[];
  readonly body: string;
  /** When it may be posted, ms since the epoch. */
  readyAt: number;
}

/** JSON of the events of one request. */
const mostBatchBytes = 262_144;
/** Messages of one endpoint that wait in delay tiers; further ones stay in hand. */
const mostWaitingMessages = 500;
/** Events that were posted last, so that those that are told twice are not posted twice. */
const rememberedEvents = 500;
/** Of those that are too old so many are given up at once. */
const oldLimit = { events: 500, bytes: Number.POSITIVE_INFINITY };
/** How long a full set of waiting messages keeps a batch in hand, ms. */
const fullWaitMs = 10_000;

export class EndpointLane {
  readonly #parts: LaneParts;
  readonly #lost: AbortSignal;
  readonly #chains = new MessageChains();
  readonly #failed: Batch[] = [];
  readonly #posted = new Set<string>();
  readonly #requests = new Set<Promise<void>>();
  /** What has come before it was known what waits. */
  #early: Held<MessageEvent>[] | undefined = [];
  #waiting = new Map<string, Waiting>();
  #circuit: Circuit = freshCircuit;
  #timer: NodeJS.Timeout | undefined;
  #lingerUntil: number | undefined;
  #stopped = false;
  #dropping = false;
  /** What the endpoint said last when it took nothing. */
  #said = 'no answer';

  /** `lost`: aborted when the queue went to another process. */
  constructor(parts: LaneParts, lost: AbortSignal) {
    this.#parts = parts;
    this.#lost = lost;
    lost.addEventListener('abort', this.#end, { once: true });
    parts.state.waitingOf(parts.endpoint.id, parts.now()).then(
      (waiting) => {
        this.#waiting = waiting;
        const early = this.#early ?? [];
        this.#early = undefined;
        for (const held of early) this.take(held);
      },
      (error: unknown) => this.#failedWith(error, 'what waits for an endpoint cannot be read'),
    );
  }

  get inHand(): number {
    return this.#chains.size + (this.#early?.length ?? 0);
  }

  get waitingMessages(): number {
    return this.#waiting.size;
  }

  get open(): boolean {
    return isOpen(this.#circuit, this.#parts.circuit);
  }

  /** Takes the next event of the queue. */
  take(held: Held<MessageEvent>): void {
    if (this.#stopped) return;
    if (this.#early !== undefined) {
      this.#early.push(held);
      return;
    }
    const event = queuedEvent(held);
    if (event === undefined) {
      held.complete();
      return;
    }
    const waiting = this.#waiting.get(event.messageId)?.eventIds ?? [];
    const place = placeOf(event.id, event.delays > 0, waiting, this.#chains.idsOf(event.messageId));
    const again = !event.replay && this.#posted.has(event.id);
    if (place === 'again' || again) held.complete();
    else if (place === 'in hand') {
      this.#chains.add(event);
      if (this.open && this.#isOld(event)) this.#supervise(this.#dropOld());
      this.#pump();
    } else this.#supervise(this.#putBehind(event));
  }

  /** Takes nothing more; resolves when requests that are under way have ended. What is not posted stays in the queue. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await Promise.all(this.#requests);
    this.#end();
  }

  readonly #end = (): void => {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#failed.length = 0;
  };

  #pump(): void {
    if (this.#stopped) return;
    const { circuit, endpoint, now } = this.#parts;
    for (;;) {
      const at = now();
      const free = this.#requests.size < endpoint.requests;
      if (!free || !mayPost(this.#circuit, circuit, this.#requests.size, at)) break;
      const batch = this.#failedDue(at) ?? this.#newBatch(at);
      if (batch === undefined) break;
      const request = this.#post(batch).finally(() => {
        this.#requests.delete(request);
        this.#pump();
      });
      this.#requests.add(request);
      this.#supervise(request);
    }
    this.#setTimer();
  }

  #failedDue(at: number): Batch | undefined {
    const index = this.#failed.findIndex(({ readyAt }) => readyAt <= at);
    return index === -1 ? undefined : this.#failed.splice(index, 1)[0];
  }

  #newBatch(at: number): Batch | undefined {
    const { batchEvents, lingerMs } = this.#parts.endpoint;
    if (this.#chains.readyEvents === 0) {
      this.#lingerUntil = undefined;
      return undefined;
    }
    this.#lingerUntil ??= at + lingerMs;
    if (this.#chains.readyEvents < batchEvents && at < this.#lingerUntil) return undefined;
    this.#lingerUntil = undefined;
    const { circuit } = this.#parts;
    const probes = this.open ? this.#circuit.failures - circuit.failures + 1 : 0;
    const most = Math.max(1, Math.floor(batchEvents / 2 ** probes));
    const events = this.#chains.take(({ delays }) => ({
      events: batchLimit(most, delays),
      bytes: mostBatchBytes,
    }));
    if (events.length === 0) return undefined;
    const body = webhookBody(events.map(({ json }) => json));
    return { id: `evt_${randomUUID()}`, events, body, readyAt: 0 };
  }

  #setTimer(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const { endpoint, circuit, now } = this.#parts;
    if (this.#stopped || this.#requests.size >= endpoint.requests) return;
    if (this.open && this.#requests.size > 0) return;
    const times = this.#failed.map(({ readyAt }) => readyAt);
    if (this.#chains.readyEvents > 0) times.push(this.#lingerUntil ?? 0);
    if (times.length === 0) return;
    const at = Math.max(Math.min(...times), this.#circuit.closedUntil);
    // A circuit that holds is looked at when it ends; nothing else can go before.
    if (mayPost(this.#circuit, circuit, this.#requests.size, Math.max(at, now())))
      this.#timer = setTimeout(() => this.#pump(), Math.max(1, at - now()));
  }

  async #post(batch: Batch): Promise<void> {
    const { poster, now, circuit, counts } = this.#parts;
    const began = now();
    const posted = await poster.post(batch.id, batch.body, began, this.#lost);
    if (this.#lost.aborted) return;
    if (posted.kind === 'taken') {
      this.#circuit = afterSuccess();
      counts.requests.taken += 1;
      counts.delivered += batch.events.length;
      this.#log(batch, began, posted, 'delivered', null);
      await this.#finish(batch.events);
      return;
    }
    counts.requests.refused += 1;
    counts.failed += batch.events.length;
    this.#circuit = afterEndpointFailure(this.#circuit, circuit, posted.retryAfterMs, now());
    for (const event of batch.events) event.failures += 1;
    await this.#afterFailure(batch, began, posted);
  }

  async #afterFailure(batch: Batch, began: number, posted: Posted & { kind: 'refused' }): Promise<void> {
    const { schedule, now, random } = this.#parts;
    const at = now();
    if (batch.events.some((event) => this.#isOld(event))) {
      this.#log(batch, began, posted, 'dead', null);
      await this.#giveUpOld(batch, posted);
      return;
    }
    if (this.open) {
      this.#log(batch, began, posted, 'failed', this.#circuit.closedUntil);
      this.#takeApart();
      this.#chains.giveBack(batch.events);
      return;
    }
    const quick = quickWaitMs(schedule, mostOf(batch, 'failures'), random());
    if (quick === undefined && this.#waiting.size < mostWaitingMessages) {
      const age = at - Math.min(...batch.events.map(({ since }) => since));
      const dueAt = at + slowWaitMs(schedule, mostOf(batch, 'delays'), age, random());
      this.#log(batch, began, posted, 'failed', dueAt);
      await this.#putOff(batch.events, dueAt);
      return;
    }
    batch.readyAt = Math.max(at + (quick ?? fullWaitMs), this.#circuit.closedUntil);
    this.#failed.push(batch);
    this.#log(batch, began, posted, 'failed', batch.readyAt);
  }

  /** Probes are new requests, of other and fewer events each time: perhaps only one of them is what is not taken. */
  #takeApart(): void {
    for (const { events } of this.#failed.splice(0)) this.#chains.giveBack(events);
  }

  /** Those of the batch that are too old are given up, and while the endpoint takes nothing all that are. */
  async #giveUpOld(batch: Batch, posted: Posted & { kind: 'refused' }): Promise<void> {
    this.#said = saidOf(posted);
    if (this.open) this.#takeApart();
    await this.#giveUp(batch.events);
    await this.#dropOld();
  }

  /** Of an endpoint that takes nothing, what is too old need not be tried to be given up. */
  async #dropOld(): Promise<void> {
    if (this.#dropping) return;
    this.#dropping = true;
    while (this.open && !this.#stopped) {
      const events = this.#chains.take(() => oldLimit);
      if ((await this.#giveUp(events)) === 0) break;
    }
    this.#dropping = false;
  }

  /** How many of these, which were given out, were too old; the others may be given out again. */
  async #giveUp(events: readonly QueuedEvent[]): Promise<number> {
    const { counts, logger, endpoint } = this.#parts;
    const old = events.filter((event) => this.#isOld(event));
    if (old.length > 0) {
      const reason = `not taken within ${spanText(this.#parts.schedule.maxAgeMs)}; last: ${this.#said}`;
      await Promise.all(old.map((event) => this.#deadLetter(event, reason)));
      counts.dead += old.length;
      logger.warn({ endpoint: endpoint.id, events: old.length, reason }, 'events were given up');
      await this.#finish(old);
    }
    this.#chains.giveBack(events);
    return old.length;
  }

  #isOld({ since }: QueuedEvent): boolean {
    return this.#parts.now() - since >= this.#parts.schedule.maxAgeMs;
  }

  #deadLetter({ held }: QueuedEvent, reason: string): Promise<void> {
    const { producer, endpoint } = this.#parts;
    return producer.sendBytes(deadLetterTopic(endpoint.topic), {
      key: held.key ?? '',
      value: held.bytes,
      headers: {
        [deadLetterHeaders.reason]: reason.slice(0, 2_000),
        [deadLetterHeaders.topic]: held.topic,
        [deadLetterHeaders.partition]: String(held.partition),
        [deadLetterHeaders.offset]: String(held.offset),
        [deadLetterHeaders.group]: deliveryGroup,
        [deadLetterHeaders.time]: new Date(this.#parts.now()).toISOString(),
      },
    });
  }

  /** What is known to wait is corrected first: an event that has left its tier and is no longer named there was posted. */
  async #finish(done: readonly QueuedEvent[]): Promise<void> {
    for (const { id } of done) this.#remember(id);
    this.#chains.finish(done);
    const writes: Promise<void>[] = [];
    const ids = new Set(done.map(({ id }) => id));
    for (const messageId of new Set(done.map((event) => event.messageId))) {
      const before = this.#waiting.get(messageId);
      if (before === undefined) continue;
      const left = before.eventIds.filter((id) => !ids.has(id));
      if (left.length < before.eventIds.length)
        writes.push(this.#write(messageId, { ...before, eventIds: left }));
    }
    await Promise.all(writes);
    for (const { held } of done) held.complete();
  }

  /** Into a delay tier, and everything of their messages behind them. */
  async #putOff(events: readonly QueuedEvent[], dueAt: number): Promise<void> {
    const delays = new Map(events.map((event) => [event, event.delays + 1]));
    const moves: Promise<void>[] = [];
    for (const [messageId, all] of this.#chains.putOff(events)) {
      const before = this.#waiting.get(messageId)?.eventIds ?? [];
      const eventIds = withWaiting(
        before,
        all.map(({ id }) => id),
      );
      const written = this.#write(messageId, { eventIds, nextAttemptAt: dueAt });
      moves.push(
        written.then(async () => {
          for (const event of all) await this.#delay(event, dueAt, delays.get(event) ?? event.delays);
        }),
      );
    }
    await Promise.all(moves);
    this.#pump();
  }

  async #putBehind(event: QueuedEvent): Promise<void> {
    const { messageId, id, delays } = event;
    const before = this.#waiting.get(messageId) ?? { eventIds: [], nextAttemptAt: 0 };
    const dueAt = Math.max(before.nextAttemptAt, this.#parts.now());
    if (!before.eventIds.includes(id))
      await this.#write(messageId, { ...before, eventIds: withWaiting(before.eventIds, [id]) });
    await this.#delay(event, dueAt, delays);
  }

  async #delay({ held, since }: QueuedEvent, dueAt: number, delays: number): Promise<void> {
    const { producer, endpoint, now, counts } = this.#parts;
    await enqueueDelayed(producer, {
      messageId: held.value.message_id,
      dueAt,
      now: now(),
      targetTopic: endpoint.topic,
      key: held.value.message_id,
      value: held.bytes,
      stream: 'batch',
      reason: 'webhook',
      headers: {
        ...held.headers,
        [queueHeaders.delays]: String(Math.max(1, delays)),
        [queueHeaders.since]: String(since),
      },
    });
    counts.delayed += 1;
    held.complete();
  }

  #write(messageId: string, waiting: Waiting): Promise<void> {
    if (waiting.eventIds.length === 0) this.#waiting.delete(messageId);
    else this.#waiting.set(messageId, waiting);
    return this.#parts.state.write(this.#parts.endpoint.id, messageId, waiting);
  }

  #remember(id: string): void {
    this.#posted.add(id);
    if (this.#posted.size <= rememberedEvents) return;
    const [oldest] = this.#posted;
    if (oldest !== undefined) this.#posted.delete(oldest);
  }

  #log(batch: Batch, began: number, posted: Posted, outcome: string, next: number | null): void {
    const { producer, endpoint, now, logger } = this.#parts;
    const { events } = batch;
    const types: Record<string, number> = {};
    for (const { type } of events) types[type] = (types[type] ?? 0) + 1;
    const value: WebhookAttempt = {
      webhook_id: batch.id,
      endpoint: endpoint.id,
      time: began,
      duration_ms: Math.max(0, now() - began),
      outcome,
      status: posted.status,
      error: posted.kind === 'taken' ? null : posted.error,
      attempt: mostOf(batch, 'failures') + (posted.kind === 'taken' ? 1 : 0),
      delays: mostOf(batch, 'delays'),
      next_attempt_at: next,
      event_ids: events.map(({ id }) => id),
      types,
      message_ids: [...new Set(events.map(({ messageId }) => messageId))],
    };
    // The log tells; nothing waits for it.
    producer
      .send('WebhookAttempt', webhookTopics.log, { key: endpoint.id, value })
      .catch((error: unknown) =>
        logger.warn({ error: String(error) }, 'a webhook attempt is not in the log'),
      );
  }

  #supervise(task: Promise<void>): void {
    task.catch((error: unknown) => this.#failedWith(error, 'an endpoint stands still until the next start'));
  }

  #failedWith(error: unknown, text: string): void {
    if (this.#stopped) return;
    this.#parts.logger.error({ endpoint: this.#parts.endpoint.id, error: String(error) }, text);
  }
}

export const deliveryGroup = 'webhooks';

const mostOf = ({ events }: Batch, count: 'failures' | 'delays'): number =>
  Math.max(...events.map((event) => event[count]));

const spanText = (ms: number): string =>
  ms >= 3_600_000 ? `${Math.round(ms / 3_600_000)} h` : `${Math.round(ms / 60_000)} min`;

const saidOf = ({ status, error }: { readonly status: number | null; readonly error: string }): string =>
  status === null ? error : `${status} ${error}`.trim();
