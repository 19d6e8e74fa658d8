/**
 * Reads every event, and writes to mail.control what rules make of replies and complaints. One process of the group has all
 * partitions, so that replies of all workers are counted together; the others stand by. What it remembers is in Kafka:
 * whoever takes over reads the events of the last hours again, without acting on them, before it goes on.
 */
import {
  Automation,
  type Control,
  ControlTable,
  controlRecord,
  type Firing,
  formatScope,
  ownDomainOf,
  ruleOfAuthor,
  type SourceWarmUp,
  type SpikeSettings,
  topics,
} from '@millrace/core';
import type { Held, Kafka, KafkaLogger, Producer } from '@millrace/kafka';
import type { MessageEvent } from '@millrace/schemas';
import { AdaptiveLanes } from './adaptive-lanes.ts';
import { RuleBook, type ShapingSource } from './rule-book.ts';
import { seenReply } from './seen-reply.ts';
import { shapedEvent } from './shaped-event.ts';
import { spikeEvent } from './spike-event.ts';
import { type Seen, SpikeWatch } from './spike-watch.ts';
import { WarmUps } from './warm-ups.ts';

export interface ShaperOptions {
  readonly kafka: Kafka;
  readonly logger: KafkaLogger;
  /** The configured shaping file; one that is applied through mail.control wins. */
  readonly shaping: ShapingSource;
  /** false: rules only tell what they would do. */
  readonly act: boolean;
  /** Sources that are warmed. Default: none. */
  readonly warmUps?: readonly SourceWarmUp[];
  /** Rates that are watched. Default: none. */
  readonly spikes?: SpikeSettings;
  /** The clock, ms since the epoch. Default: the machine's. */
  readonly now?: () => number;
}

export interface ShaperStats {
  /** Events looked at. */
  readonly events: number;
  /** Negative replies and complaints among them. */
  readonly replies: number;
  /** Firings by rule. */
  readonly firings: ReadonlyMap<string, number>;
  /** Rates that went over a threshold, by measure and level. */
  readonly spikes: ReadonlyMap<string, number>;
  /** Controls in force. */
  readonly controls: number;
  /** Events that are not looked at yet. */
  readonly lag: number;
}

export interface Shaper {
  stats(): ShaperStats;
  /** Whether brokers take records, the controls have been read and the group has been joined. */
  readonly ready: boolean;
  stop(): Promise<void>;
}

const group = 'shaper';
/** What replies, rates and warm-ups are about: the other kinds say nothing here. */
const kinds: ReadonlySet<string> = new Set(['delivered', 'deferred', 'bounced', 'complained']);
const tickMs = 1_000;
const oldestActedOnMs = 3_600_000;
/** Controls of automation stay listed for so long after they ended. */
const keptAfterEndMs = 3_600_000;

/** Starts to follow controls and events. Throws ConfigError where the shaping file is wrong. */
export async function startShaping(options: ShaperOptions): Promise<Shaper> {
  const { kafka, logger, now = Date.now } = options;
  const book = new RuleBook(options.shaping, logger);
  const automation = new Automation(book.rules);
  const table = new ControlTable();
  const adaptive = new AdaptiveLanes(
    () => book.shaping,
    (key) => table.get(key),
  );
  const warmUps = new WarmUps(options.warmUps ?? []);
  /** Last offset of each partition that was read while remembering. */
  const readTo = new Map<number, number>();
  const producer = await kafka.producer();
  const counts = { events: 0, replies: 0 };
  const firings = new Map<string, number>();
  const spikes = new Map<string, number>();
  const watch = options.spikes === undefined ? undefined : new SpikeWatch(kafka, options.spikes, table, now);
  let joined = false;
  let stopped = false;
  let ticking = false;
  let shapingChanged = true;
  /** The events of the last hours have been read, and the partitions are still ours. */
  let remembers = false;
  let remembered: Promise<void> | undefined;

  const ownDomain = (domain: string): string | undefined => ownDomainOf(book.shaping, domain);
  const useRules = (): void => {
    book.apply(table.shapingText(now()));
    automation.replace(book.rules);
    adaptive.forget();
    shapingChanged = true;
  };
  const undone = (control: Control): void => {
    if (control.kind === 'shaping') useRules();
    if (control.kind === 'adaptive') adaptive.undone(control.scope);
    watch?.undone(control);
    const rule = ruleOfAuthor(control.author);
    // What only ran out is no decision of anybody.
    if (rule !== undefined && (control.until === null || control.until > now()))
      automation.undone(rule, formatScope(control.scope));
  };

  const followed = await kafka.followedTable({
    topic: topics.control,
    record: 'ControlState',
    onChange: (key, record) => {
      const applied = table.apply(key, record);
      switch (applied.kind) {
        case 'refused':
          logger.error({ key, problem: applied.problem }, 'a control cannot be read; it is left out');
          break;
        case 'undone':
          if (applied.control !== undefined) undone(applied.control);
          break;
        case 'set':
          if (applied.control.kind === 'shaping') useRules();
          else automation.recall(applied.control);
          watch?.set(applied.control);
          break;
        default:
          applied satisfies never;
      }
    },
  });
  const remember = async (): Promise<void> => {
    await followed.catchUp();
    warmUps.forget();
    readTo.clear();
    const tail = await kafka.tail({
      topic: topics.events,
      record: 'MessageEvent',
      from: Math.min(now() - automation.windowMs, warmUps.countedSince(table, now())),
      onRecord: ({ value, partition, offset }) => {
        readTo.set(partition, offset);
        warmUps.count(value);
        const reply = seenReply(value, ownDomain);
        if (reply !== undefined) automation.note(reply);
      },
    });
    await tail.caughtUp();
    await tail.stop();
    remembers = true;
  };
  const remembering = (): Promise<void> => {
    remembered ??= remember();
    return remembered;
  };
  const tell = async (seen: readonly Seen[]): Promise<void> => {
    for (const one of seen) {
      const name = `${one.spike.measure} ${one.spike.level}`;
      spikes.set(name, (spikes.get(name) ?? 0) + 1);
      await tellSpike(one, { producer, table, logger, act: options.act, now });
    }
  };
  const forget = (): void => {
    watch?.forget();
    remembers = false;
    remembered = undefined;
  };

  /** The firing that it causes; most events say nothing to anybody here. */
  const look = ({ value: event, partition, offset }: Held<MessageEvent>): Firing | undefined => {
    counts.events += 1;
    if (offset > (readTo.get(partition) ?? -1)) warmUps.count(event);
    adaptive.see(event, now());
    const reply = seenReply(event, ownDomain);
    if (reply === undefined) return undefined;
    counts.replies += 1;
    // Of a group's first start, or after days without a shaper: it is too late to act on it.
    if (reply.at < now() - Math.max(automation.windowMs, oldestActedOnMs)) return undefined;
    return automation.see(reply);
  };

  const act = async (firing: Firing, held: Held<MessageEvent>): Promise<void> => {
    firings.set(firing.rule.name, (firings.get(firing.rule.name) ?? 0) + 1);
    await carryOut(firing, held.value, { producer, table, logger, act: options.act, now });
    held.complete();
  };

  const handle = (held: Held<MessageEvent>): void | Promise<void> => {
    if (!remembers) return remembering().then(() => (held.lost.aborted ? undefined : handle(held)));
    const firing = look(held);
    const seen = watch?.see(held.value) ?? [];
    if (seen.length > 0)
      return tell(seen).then(() => (firing === undefined ? held.complete() : act(firing, held)));
    if (firing !== undefined) return act(firing, held);
    held.complete();
  };

  const consumer = await kafka.windowedConsumer({
    group,
    fetch: { minBytes: 65_536, maxWaitMs: 250 },
    topics: [topics.events],
    record: 'MessageEvent',
    only: { field: 'kind', values: kinds },
    // Not from the latest: what is written while the group first comes together would be lost.
    startAt: 'earliest',
    maxMembersPerTopic: () => 1,
    commitIntervalMs: 1_000,
    handler: handle,
  });
  const timer = setInterval(() => {
    if (consumer.assignments().length === 0) {
      forget();
      return;
    }
    if (ticking) return;
    watch
      ?.remember(group)
      .then(tell)
      .catch((error: unknown) =>
        logger.error({ error: String(error) }, 'rates cannot be counted; it is tried again'),
      );
    ticking = true;
    remembering()
      .then(tick)
      .catch((error: unknown) => {
        logger.error({ error: String(error) }, 'what was sent before cannot be read; it is tried again');
        forget();
      })
      .finally(() => {
        ticking = false;
      });
  }, tickMs);
  const tick = async (): Promise<void> => {
    if (stopped) return;
    sweep();
    if (shapingChanged) {
      shapingChanged = false;
      for (const { key } of adaptive.former(table.list(now())))
        await producer.sendTombstone(topics.control, key);
    }
    await Promise.all([writeWarmUps(), ...adaptive.step(now()).map(write)]);
  };
  const write = (control: Control): Promise<void> =>
    producer.send('ControlState', topics.control, { key: control.key, value: controlRecord(control) });
  const writeWarmUps = async (): Promise<void> => {
    for (const progress of warmUps.due(table, now())) {
      const before = table.warmUpOf(progress.scope.kind === 'warmup' ? progress.scope.source : '');
      await write(progress);
      if (before?.date !== progress.date)
        logger.info(
          { scope: formatScope(progress.scope), plan: progress.plan, day: progress.day },
          `warm-up: ${progress.reason}`,
        );
    }
  };
  const sweep = (): void => {
    for (const control of table.sweep(now() - keptAfterEndMs)) {
      if (ruleOfAuthor(control.author) === undefined) continue;
      producer
        .sendTombstone(topics.control, control.key)
        .catch((error: unknown) =>
          logger.warn({ key: control.key, error: String(error) }, 'a control that is over stays listed'),
        );
    }
  };
  await followed.caughtUp();
  consumer.joined().then(
    () => {
      joined = true;
    },
    () => undefined,
  );

  return {
    stats: () => ({
      ...counts,
      firings,
      spikes,
      controls: table.list(now()).length,
      lag: consumer.stats().lag,
    }),
    get ready() {
      return producer.ready && joined && !stopped;
    },
    async stop() {
      stopped = true;
      clearInterval(timer);
      await consumer.stop();
      await followed.stop();
      await producer.stop();
    },
  };
}

interface Hands {
  readonly producer: Producer;
  readonly table: ControlTable;
  readonly logger: KafkaLogger;
  readonly act: boolean;
  readonly now: () => number;
}

/** Controls first: an event tells only what is so. */
async function tellSpike(
  { spike, cause }: Seen,
  { producer, table, logger, act, now }: Hands,
): Promise<void> {
  const control = act && spike.control !== null ? spike.control : undefined;
  if (control !== undefined && !isOverruled(control, table, now()))
    await producer.send('ControlState', topics.control, { key: control.key, value: controlRecord(control) });
  const event = spikeEvent(spike, cause, now(), act);
  await producer.send('MessageEvent', topics.events, { key: event.message_id, value: event });
  const { measure, level, count, mails, scope } = spike;
  logger.warn(
    {
      rule: `spike-${measure}`,
      level,
      scope: formatScope(scope),
      count,
      mails,
      acted: control !== undefined,
    },
    event.text ?? '',
  );
}

/** Controls first: an event tells only what is so. */
async function carryOut(firing: Firing, cause: MessageEvent, hands: Hands): Promise<void> {
  const { producer, table, logger, act, now } = hands;
  const { rule } = firing;
  const scope = formatScope(firing.scope);
  const controls = act ? firing.controls.filter((control) => !isOverruled(control, table, now())) : [];
  await Promise.all(
    controls.map((control) =>
      producer.send('ControlState', topics.control, { key: control.key, value: controlRecord(control) }),
    ),
  );
  const event = shapedEvent(firing, cause, now(), act);
  await producer.send('MessageEvent', topics.events, { key: event.message_id, value: event });
  const level = rule.alert === null ? 'info' : 'warn';
  logger[level](
    { rule: rule.name, scope, until: firing.until, reply: cause.text, alert: rule.alert, acted: act },
    event.text ?? '',
  );
}

/** Whether an operator has said something under the same key that must stand. */
const isOverruled = (control: Control, table: ControlTable, now: number): boolean => {
  const before = table.get(control.key);
  if (before === undefined || ruleOfAuthor(before.author) !== undefined) return false;
  if (before.until !== null && before.until <= now) return false;
  if (control.kind !== 'suspension') return true;
  return before.until === null || (control.until !== null && before.until >= control.until);
};
