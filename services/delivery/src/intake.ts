/** Records on their way into lanes: what the journal knows of them, whether they are still wanted, which source, where to. */
import { type Isp, isMessageId, isps } from '@millrace/core';
import type { Held, KafkaLogger } from '@millrace/kafka';
import type { DeliveryTask } from '@millrace/schemas';
import type { HeldBack } from './control/held-back.ts';
import type { SourceChoices } from './control/source-choice.ts';
import type { Destination, Destinations } from './destinations.ts';
import type { EgressSource } from './egress.ts';
import type { Job } from './job.ts';
import type { JournalLook } from './journal-look.ts';
import type { Lane } from './lane.ts';
import type { LanePlace, Lanes } from './lanes.ts';
import type { OutcomeWriter } from './outcome-writer.ts';
import { deliverySpan } from './spans.ts';

export interface IntakeParts {
  readonly journal: JournalLook;
  readonly choices: SourceChoices;
  readonly heldBack: HeldBack;
  /** The journal is asked for it only while it is being prepared. */
  readonly askedLater: (job: Job) => boolean;
  readonly destinations: Destinations;
  readonly lanes: Lanes;
  /** The domain, where the shaping gives it lanes of its own. */
  readonly ownDomain: (domain: string) => string | undefined;
  /** Whether it need not wait for a rate of its tenant, campaign or tag; else it does that elsewhere. */
  readonly admits: (job: Job) => boolean;
  readonly outcomes: OutcomeWriter;
  /** Whether the message may still be sent; where not, that has been seen to. */
  readonly mayBeSent: (job: Job) => boolean;
  readonly logger: KafkaLogger;
  readonly now: () => number;
}

const ispsByName: ReadonlyMap<string, Isp> = new Map(isps.map((isp) => [isp, isp]));
const relayDestination = ({ name }: EgressSource): Destination => ({
  key: `relay ${name}`,
  hosts: [],
  // A relay's TLS is its own configuration's.
  verifiedTls: false,
});

const dnsRetryMs = { realtime: 15_000, batch: 60_000 };

export class Intake {
  readonly #parts: IntakeParts;
  #arrived: Job[] = [];
  #displaced: Job[] = [];
  #stopped = false;

  constructor(parts: IntakeParts) {
    this.#parts = parts;
  }

  /** Takes a record in. What arrives in one turn of the event loop is looked up together. */
  take(held: Held<DeliveryTask>): void {
    if (this.#stopped) return;
    const id = held.value.message_id;
    if (!isMessageId(id)) throw new TypeError(`message_id "${id.slice(0, 80)}" is not a UUIDv7.`);
    const job: Job = {
      id,
      held,
      takenAt: this.#parts.now(),
      span: deliverySpan(held),
      mail: undefined,
      taken: false,
      claimed: false,
      sentBefore: false,
      returns: 0,
    };
    if (this.#arrived.push(job) === 1) setImmediate(() => this.#lookUp());
  }

  /** Messages that were in a lane, or held back, find their way anew: in a later turn of the event loop. */
  placeAnew(jobs: readonly Job[]): void {
    if (jobs.length === 0) return;
    if (this.#displaced.length === 0) setImmediate(() => this.#placeAll(this.#displaced.splice(0)));
    for (const job of jobs) this.#displaced.push(job);
  }

  /** Messages that controls held back find their way anew, at once. */
  readonly released = (jobs: readonly Job[]): void => this.#placeAll(jobs);

  /** Redis is there again: what had to wait for it goes on. */
  redisIsBack(): void {
    this.#parts.journal.redisIsBack(this.#placeAll);
  }

  stop(): void {
    this.#stopped = true;
    this.#arrived = [];
    this.#displaced = [];
    this.#parts.journal.stop();
  }

  #lookUp(): void {
    const jobs = this.#arrived;
    this.#arrived = [];
    const later: Job[] = [];
    const first: Job[] = [];
    for (const job of jobs) (this.#parts.askedLater(job) ? later : first).push(job);
    if (later.length > 0) this.#placeAll(later);
    if (first.length === 0) return;
    this.#parts.journal.sort(first, this.#placeAll).catch((error: unknown) => {
      this.#parts.logger.error({ error: String(error) }, 'looking up records in the journal');
    });
  }

  readonly #placeAll = (jobs: readonly Job[]): void => {
    const touched = new Set<Lane>();
    for (const job of jobs) {
      if (this.#stopped || !this.#parts.mayBeSent(job)) continue;
      const lane = this.#place(job);
      if (lane !== undefined) touched.add(lane);
    }
    for (const lane of touched) lane.advance();
  };

  /** The lane that it was put into; undefined: it goes another way, or DNS is asked first. */
  #place(job: Job): Lane | undefined {
    const task = job.held.value;
    const isp = ispsByName.get(task.isp) ?? 'other';
    const source = this.#source(job, isp);
    if (source === undefined || !this.#parts.admits(job)) return undefined;
    if (source.relay !== undefined) {
      return this.#enter(job, isp, source, relayDestination(source));
    }
    const byPolicy = this.#parts.lanes.of(this.#placeOf(job, isp), source).limits.mtaSts;
    const known = this.#parts.destinations.known(task.domain, byPolicy, job.takenAt);
    if (known?.kind === 'destination') return this.#enter(job, isp, source, known.destination);
    this.#find(job, isp, source, byPolicy).catch((error: unknown) => {
      this.#parts.logger.error({ error: String(error), domain: task.domain }, 'looking for a domain');
    });
    return undefined;
  }

  #source(job: Job, isp: Isp): EgressSource | undefined {
    const task = job.held.value;
    const { choices, outcomes, heldBack, lanes } = this.#parts;
    const choice = choices.choose(task, isp);
    switch (choice.kind) {
      case 'source':
        return choice.source;
      case 'dropped': {
        const { reason } = choice.control;
        outcomes.cancelled(job, reason === '' ? 'Dropped by an operator.' : reason);
        return undefined;
      }
      case 'suspended': {
        const { control } = choice;
        // Known from now on, so that it is told what waits for it.
        const lane = lanes.of(this.#placeOf(job, isp), choice.source).key;
        heldBack.hold(job, control, lane, isp !== 'other' && choices.allSuspended(task, isp));
        return undefined;
      }
      case 'no_pool': {
        const text = `Pool ${task.pool} is not configured for stream ${task.stream}.`;
        this.#parts.logger.error({ pool: task.pool, message_id: task.message_id }, text);
        outcomes.deferred(job, null, { code: null, enhanced: '4.3.5', text, phase: null }, 'other', null);
        return undefined;
      }
      default:
        return choice satisfies never;
    }
  }

  async #find(job: Job, isp: Isp, source: EgressSource, byPolicy: boolean): Promise<void> {
    const task = job.held.value;
    const { destinations, outcomes, now } = this.#parts;
    const found = await destinations.find(task.domain, byPolicy);
    if (this.#stopped || !this.#parts.mayBeSent(job)) return;
    switch (found.kind) {
      case 'destination':
        this.#enter(job, isp, source, found.destination)?.advance();
        return;
      case 'null_mx': {
        const text = `${task.domain} accepts no mail (null MX).`;
        outcomes.bounced(job, null, { code: 556, enhanced: '5.1.10', text, phase: 'dns' }, 'no_mx');
        return;
      }
      case 'no_domain': {
        const text = `${task.domain} does not exist.`;
        outcomes.bounced(job, null, { code: null, enhanced: '5.1.2', text, phase: 'dns' }, 'invalid_domain');
        return;
      }
      case 'no_allowed_host': {
        const answer = { code: null, enhanced: '4.7.5', text: found.reason, phase: 'dns' };
        outcomes.deferred(job, null, answer, 'tls_failed', null);
        return;
      }
      case 'temporary': {
        const waitMs = task.stream === 'realtime' ? dnsRetryMs.realtime : dnsRetryMs.batch;
        outcomes.postponed(job, now() + waitMs, 'dns_failure');
        return;
      }
      default:
        found satisfies never;
    }
  }

  #enter(job: Job, isp: Isp, source: EgressSource, destination: Destination): Lane | undefined {
    const place = this.#placeOf(job, isp);
    const { lanes, outcomes } = this.#parts;
    const returnAt = lanes.returnAt(place, source);
    if (returnAt !== undefined) {
      outcomes.postponed(job, returnAt, 'lane_busy');
      return undefined;
    }
    return lanes.add(place, source, destination, job);
  }

  #placeOf(job: Job, isp: Isp): LanePlace {
    const { site, domain } = job.held.value;
    return { isp, site, ownDomain: this.#parts.ownDomain(domain) };
  }
}
