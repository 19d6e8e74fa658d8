/**
 * Watches the rates of batch mail, and says when one is over its threshold. Whoever takes over counts the events of the
 * longest window again, beside its other work: until that is done nothing is said.
 */
import {
  type Control,
  type ControlTable,
  isBad,
  isSpikeAuthor,
  type Spike,
  type SpikeFacts,
  type SpikeSettings,
  Spikes,
  topics,
} from '@millrace/core';
import type { Kafka } from '@millrace/kafka';
import type { MessageEvent } from '@millrace/schemas';

const factsOf = (event: MessageEvent): SpikeFacts => ({
  eventId: event.event_id,
  kind: event.kind,
  stream: event.stream,
  tenant: event.tenant,
  campaign: event.campaign,
  pool: event.pool,
  source: event.source,
  isp: event.isp,
  category: event.bounce_category,
  at: event.time,
});

/** Further ones are only counted. */
const mostMeanwhile = 20_000;

/** A spike, and the event with which it came. */
export interface Seen {
  readonly spike: Spike;
  readonly cause: MessageEvent;
}

export class SpikeWatch {
  readonly #kafka: Kafka;
  readonly #settings: SpikeSettings;
  readonly #table: ControlTable;
  readonly #now: () => number;
  #spikes: Spikes;
  /** What is bad and has come while remembering: it is looked at afterwards. */
  #meanwhile: MessageEvent[] = [];
  #remembering: AbortController | undefined;
  #remembers = false;

  constructor(kafka: Kafka, settings: SpikeSettings, table: ControlTable, now: () => number) {
    this.#kafka = kafka;
    this.#settings = settings;
    this.#table = table;
    this.#now = now;
    this.#spikes = new Spikes(settings);
  }

  /** Counts an event that has come; what went over a threshold with it. */
  see(event: MessageEvent): readonly Seen[] {
    const facts = factsOf(event);
    if (this.#remembers)
      return this.#spikes.see(facts, this.#now()).map((spike) => ({ spike, cause: event }));
    if (isBad(facts) && this.#meanwhile.length < mostMeanwhile) this.#meanwhile.push(event);
    else this.#spikes.note(facts, this.#now());
    return [];
  }

  /** Counts what was looked at before; does nothing where that is done, or under way. What has come to be meanwhile. */
  async remember(group: string): Promise<readonly Seen[]> {
    if (this.#remembers || this.#remembering !== undefined) return [];
    const own = new AbortController();
    this.#remembering = own;
    try {
      const [lag] = await this.#kafka.lag({ groups: [group], topics: [topics.events] });
      const committed = new Map(lag?.partitions.map((one) => [one.partition, one.committed ?? 0]));
      const spikes = this.#spikes;
      const tail = await this.#kafka.tail({
        topic: topics.events,
        record: 'MessageEvent',
        from: this.#now() - spikes.windowMs,
        onRecord: ({ value, partition, offset }) => {
          // What comes after that comes by itself.
          if (offset < (committed.get(partition) ?? 0)) spikes.note(factsOf(value), this.#now());
        },
      });
      await tail.caughtUp();
      await tail.stop();
      if (own.signal.aborted) return [];
      this.#remembers = true;
      for (const control of this.#table.list(this.#now())) this.set(control);
      spikes.settle(this.#now());
      return this.#meanwhile.splice(0).flatMap((event) => this.see(event));
    } finally {
      if (this.#remembering === own) this.#remembering = undefined;
    }
  }

  /** The partitions are another process's now. */
  forget(): void {
    this.#remembering?.abort();
    this.#remembering = undefined;
    this.#remembers = false;
    this.#spikes = new Spikes(this.#settings);
    this.#meanwhile = [];
  }

  /** A control that is in force, whoever saw to it. */
  set(control: Control): void {
    if (control.kind === 'suspension' && isSpikeAuthor(control.author)) this.#spikes.recall(control);
  }

  /** Somebody has undone a control. */
  undone(control: Control): void {
    if (control.kind === 'suspension' && isSpikeAuthor(control.author)) this.#spikes.undone(control.scope);
  }
}
