/**
 * Takes requests off their topic and turns each into messages: refused, suppressed, expired, bounced, put off, or
 * written to the shard of its stream and provider. The request says which stream that is, not the topic that it was on. A request is complete when everything that it became is written.
 */
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import {
  type Address,
  classifyStream,
  delayHop,
  messageDeadlines,
  parseAddress,
  poolFor,
  type RequestProblem,
  requestTopic,
  type Stream,
  type SuppressionIndex,
  shardTopic,
  suppressionAddress,
  type TenantFacts,
  topics,
  validateSendRequest,
} from '@millrace/core';
import { type Codec, enqueueDelayed, type Held, KafkaClosedError, type Producer } from '@millrace/kafka';
import type { Recipient, SendRequest } from '@millrace/schemas';
import type { DomainRoute, DomainRoutes } from './domain-routes.ts';
import { PendingWrites } from './pending-writes.ts';
import { derivedId, messageIdOf, requestIdOf } from './request-ids.ts';
import {
  deliveryTask,
  eventOf,
  type Outcome,
  problemText,
  type RoutedMessage,
  type RoutedRequest,
  rejectedEvent,
  requestForLater,
} from './routed-message.ts';
import type { RoutingTally } from './routing-tally.ts';
import { sortProblems } from './sort-problems.ts';
import type { TemplateVersions } from './template-versions.ts';

export interface RouterParts {
  readonly tenants: ReadonlyMap<string, TenantFacts>;
  readonly suppressions: SuppressionIndex;
  readonly templates: TemplateVersions;
  /** Resolves when every template written so far is known. */
  readonly catchUpTemplates: () => Promise<void>;
  readonly routes: DomainRoutes;
  readonly codec: Codec;
  /** One per stream, so that a realtime message never queues behind a campaign. */
  readonly producers: Readonly<Record<Stream, Producer>>;
  readonly tally: RoutingTally;
  /** Oldest that a message may grow, ms. */
  readonly maxAgeMs: Readonly<Record<Stream, number>>;
  /** ms since the epoch. */
  readonly now: () => number;
  /** Trace id of the span that the request is routed in, when it is sampled. */
  readonly traceId: () => string | null;
}

/** Recipients between two turns of the event loop, and bytes on their way to Kafka from one request. */
const recipientsPerTurn = 50;
const unwrittenBytes = 4_194_304;
/** Between tries to reach the end of the templates while Kafka is away, ms. */
const catchUpRetryMs = 500;
/** How long a batch message holds its place for a slow DNS lookup, ms; the answer is there when it comes back. */
const batchDnsPatienceMs = 1_000;
const dnsWaitMs = { first: 10_000, longest: { realtime: 300_000, batch: 3_600_000 } };

/** Waiting time after a failed lookup: doubles from ten seconds. */
export const dnsRetryMs = (attempts: number, stream: Stream): number =>
  Math.min(dnsWaitMs.first * 2 ** Math.min(attempts, 16), dnsWaitMs.longest[stream]);

export class Router {
  readonly #parts: RouterParts;

  constructor(parts: RouterParts) {
    this.#parts = parts;
  }

  /** Handler of the windowed consumer. */
  async route(held: Held<SendRequest>): Promise<void> {
    try {
      await this.#routeRequest(held);
    } catch (error) {
      // The process is stopping, or another has the partition: the request stays unfinished and is read again.
      if (error instanceof KafkaClosedError || held.lost.aborted) return;
      throw error;
    }
  }

  async #routeRequest(held: Held<SendRequest>): Promise<void> {
    const { tenants, tally, now } = this.#parts;
    const request = held.value;
    const facts = tenants.get(request.tenant);
    const problems = validateSendRequest(request, facts, now());
    if (facts === undefined) return this.#reject(held, problems);
    const sorted = problems.length === 0 ? undefined : sortProblems(request, problems);
    if (sorted !== undefined && 'whole' in sorted) return this.#reject(held, sorted.whole);

    const templateVersion = await this.#pinTemplate(held);
    if (templateVersion === undefined) {
      const text = `There is no template "${request.template_id}"${
        request.template_version === null ? '' : ` in version ${request.template_version}`
      }, or it was deleted.`;
      return this.#reject(held, [{ field: 'template_id', code: 'unknown_template', text }]);
    }
    const of = this.#decide(held, facts, templateVersion);
    const producer = this.#parts.producers[of.classification.stream];
    const writes = new PendingWrites();
    let bytes = 0;
    let count = 0;
    for (const [index, problems] of sorted?.refused ?? []) {
      writes.add(this.#writeRejected(held, producer, index, problems));
    }
    for (const { recipient, index } of sorted?.good ?? request.recipients.map(numbered)) {
      const address = parseAddress(recipient.address);
      if (address.kind === 'problem') throw new Error(`${recipient.address} was checked: ${address.text}`);
      this.#routeMessage(held, of, recipient, index, address, producer, writes);
      bytes += held.sizeBytes;
      if (++count % recipientsPerTurn !== 0 && bytes < unwrittenBytes) continue;
      if (bytes >= unwrittenBytes) {
        await writes.written();
        bytes = 0;
      }
      await nextTurn();
      // Another worker has the request now and makes the same messages of it.
      if (held.lost.aborted) return;
    }
    await writes.written();
    tally.requests++;
    held.complete();
  }

  #decide(held: Held<SendRequest>, facts: TenantFacts, templateVersion: number | null): RoutedRequest {
    const request = held.value;
    const classification = classifyStream(request, facts.policy);
    const { stream } = classification;
    const acceptedAt = request.accepted_at === 0 ? held.timestamp : request.accepted_at;
    const { deadline, expiresAt } = messageDeadlines(
      { accepted_at: acceptedAt, send_at: request.send_at, expires_at: request.expires_at },
      classification.slaMs,
      this.#parts.maxAgeMs[stream],
    );
    const pool = poolFor(facts, stream, request.pool);
    if (pool === undefined) throw new Error(`The pool of tenant ${facts.tenant} was checked.`);
    return {
      request,
      requestId: requestIdOf(held),
      acceptedAt,
      classification,
      deadline,
      expiresAt,
      pool,
      templateVersion,
      traceId: this.#parts.traceId(),
    };
  }

  /** Null where the request names no template; undefined where there is no such template. */
  async #pinTemplate(held: Held<SendRequest>): Promise<number | null | undefined> {
    const { templates, catchUpTemplates } = this.#parts;
    const { tenant, template_id: id, template_version: asked } = held.value;
    if (id === null) return null;
    const known = templates.pin(tenant, id, asked);
    if (known !== undefined) return known;
    // It may have been put an instant before the request was sent.
    for (;;) {
      try {
        await catchUpTemplates();
        break;
      } catch (error) {
        if (error instanceof KafkaClosedError || held.lost.aborted) throw error;
        await sleep(catchUpRetryMs);
      }
    }
    return templates.pin(tenant, id, asked);
  }

  /** What has to be written before the request is complete. In memory all the way where the route is known. */
  #routeMessage(
    held: Held<SendRequest>,
    of: RoutedRequest,
    recipient: Recipient,
    index: number,
    address: Address,
    producer: Producer,
    writes: PendingWrites,
  ): void {
    const { suppressions, routes, now } = this.#parts;
    const { request, classification, expiresAt } = of;
    const message: RoutedMessage = { of, messageId: messageIdOf(held, recipient, index), recipient, address };
    if (request.routing_attempts === 0) writes.add(this.#event(producer, message, { kind: 'accepted' }));
    if (expiresAt <= now()) {
      writes.add(this.#event(producer, message, { kind: 'expired' }));
      return;
    }
    const suppressed = suppressions.find(
      {
        tenant: request.tenant,
        address: suppressionAddress(address),
        stream: classification.stream,
        list: request.category,
      },
      now(),
    );
    if (suppressed !== undefined) {
      writes.add(this.#event(producer, message, { kind: 'suppressed', reason: suppressed }));
      return;
    }
    if (request.send_at !== null && delayHop(request.send_at, now()) !== undefined) {
      writes.add(this.#putOff(producer, message, now(), request.send_at, 'send_at'));
      return;
    }
    const route = routes.known(address.ascii);
    if (route === undefined) writes.add(this.#askThenWrite(held, message, producer));
    else this.#write(message, route, producer, writes);
  }

  async #askThenWrite(held: Held<SendRequest>, message: RoutedMessage, producer: Producer): Promise<void> {
    const asked = this.#parts.routes.resolve(message.address.ascii);
    const route =
      message.of.classification.stream === 'realtime'
        ? await asked
        : await orTooSlow(asked, batchDnsPatienceMs);
    if (held.lost.aborted) return;
    const writes = new PendingWrites();
    this.#write(message, route, producer, writes);
    await writes.written();
  }

  #write(message: RoutedMessage, route: DomainRoute, producer: Producer, writes: PendingWrites): void {
    const { of } = message;
    switch (route.kind) {
      case 'route': {
        writes.add(
          producer.send('DeliveryTask', shardTopic(of.classification.stream, route.isp), {
            key: message.address.ascii,
            value: deliveryTask(message, route),
          }),
        );
        writes.add(this.#event(producer, message, { kind: 'routed', route }));
        this.#parts.tally.routed(of.classification.stream, route.isp);
        return;
      }
      case 'null_mx':
      case 'no_domain':
        writes.add(this.#event(producer, message, { kind: 'bounced', route }));
        return;
      case 'temporary': {
        const now = this.#parts.now();
        const waitMs = dnsRetryMs(of.request.routing_attempts, of.classification.stream);
        const nextAttemptAt = Math.min(now + waitMs, of.expiresAt);
        writes.add(this.#putOff(producer, message, now, nextAttemptAt, 'dns_failure'));
        writes.add(this.#event(producer, message, { kind: 'deferred', reason: route.reason, nextAttemptAt }));
        return;
      }
      default: {
        route satisfies never;
      }
    }
  }

  /**
   * Back to its stream's requests when it is due, as a request for this recipient alone: what was suppressed, or moved to
   * another provider, in the days until send_at is seen then.
   */
  #putOff(
    producer: Producer,
    message: RoutedMessage,
    now: number,
    dueAt: number,
    reason: string,
  ): Promise<void> {
    return enqueueDelayed(producer, {
      messageId: message.messageId,
      dueAt,
      now,
      targetTopic: requestTopic(message.of.classification.stream),
      key: message.messageId,
      value: this.#parts.codec.encode('SendRequest', requestForLater(message)),
      stream: message.of.classification.stream,
      reason,
    });
  }

  #event(producer: Producer, message: RoutedMessage, outcome: Outcome): Promise<void> {
    const { tally, now } = this.#parts;
    tally.outcome(message.of.classification.stream, outcome.kind);
    return producer.send('MessageEvent', topics.events, {
      key: message.messageId,
      value: eventOf(message, outcome, now()),
    });
  }

  #writeRejected(
    held: Held<SendRequest>,
    producer: Producer,
    index: number,
    problems: readonly RequestProblem[],
  ): Promise<void> {
    const request = held.value;
    const recipient = request.recipients[index];
    this.#parts.tally.outcome('batch', 'rejected');
    // Derived: a producer's own id may be what is wrong with it, or another recipient's.
    const messageId = problems.some(({ field }) => field.endsWith('.message_id'))
      ? derivedId(held, index)
      : messageIdOf(held, recipient, index);
    return producer.send('MessageEvent', topics.events, {
      key: messageId,
      value: rejectedEvent(
        {
          request,
          requestId: requestIdOf(held),
          messageId,
          recipient: recipient?.address ?? '',
          acceptedAt: request.accepted_at > 0 ? request.accepted_at : held.timestamp,
          problems,
          traceId: this.#parts.traceId(),
        },
        this.#parts.now(),
      ),
    });
  }

  /** An event for each recipient, then the dead letters. */
  async #reject(held: Held<SendRequest>, problems: readonly RequestProblem[]): Promise<void> {
    const producer = this.#parts.producers.batch;
    const named = Math.min(held.value.recipients.length, 1_000);
    const writes = new PendingWrites();
    for (let index = 0; index < named; index++) {
      writes.add(this.#writeRejected(held, producer, index, problems));
    }
    await writes.written();
    await held.reject(problemText(problems));
  }
}

const numbered = (recipient: Recipient, index: number) => ({ recipient, index });

/** The route, or a temporary failure where DNS takes longer than `patienceMs`. */
const orTooSlow = async (asked: Promise<DomainRoute>, patienceMs: number): Promise<DomainRoute> => {
  const timer = Promise.withResolvers<DomainRoute>();
  const timeout = setTimeout(() => {
    timer.resolve({ kind: 'temporary', reason: `No answer from DNS within ${patienceMs} ms.` });
  }, patienceMs);
  try {
    return await Promise.race([asked, timer.promise]);
  } finally {
    clearTimeout(timeout);
  }
};
