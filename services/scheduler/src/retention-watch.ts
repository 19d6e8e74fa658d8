/** The alarm of what grows too old: said in the log when it begins and when it is over, and counted while it lasts. */
import type { Kafka, KafkaLogger, RetentionAlarm } from '@millrace/kafka';
import { metrics } from '@opentelemetry/api';

export interface RetentionWatchOptions {
  readonly kafka: Pick<Kafka, 'retention'>;
  readonly logger: KafkaLogger;
  /** Between two looks, ms. Default 60,000. */
  readonly everyMs?: number;
  /** ms since the epoch. */
  readonly now: () => number;
}

/** Of a topic's retention, from 0 to 1. */
const alarmShare = 0.5;
const minuteMs = 60_000;

export interface RetentionWatch {
  /** Alarms as of the last look. */
  alarms(): readonly RetentionAlarm[];
  stop(): Promise<void>;
}

/** Looks at once, and again for as long as it runs. */
export function watchRetention(options: RetentionWatchOptions): RetentionWatch {
  const { kafka, logger, everyMs = minuteMs, now } = options;
  let alarms: readonly RetentionAlarm[] = [];
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;

  const look = async (): Promise<void> => {
    try {
      const found = await kafka.retention(alarmShare, now());
      for (const alarm of found)
        if (!alarms.some((one) => isSame(one, alarm))) logger.error(...wordsOf(alarm));
      for (const { group, topic } of alarms.filter((one) => !found.some((alarm) => isSame(one, alarm))))
        logger.info({ group, topic }, 'nothing unfinished is older than half of its retention any more');
      alarms = found;
    } catch (error) {
      // While Kafka is away, what was found last counts.
      logger.debug({ error: String(error) }, 'looking at the age of what is unfinished');
    }
    if (!stopped) timer = setTimeout(again, everyMs);
  };
  let looking = look();
  const again = (): void => {
    looking = look();
  };

  const meter = metrics.getMeter('@millrace/scheduler');
  const gauge = meter.createObservableGauge('millrace.retention.overdue', {
    unit: '{record}',
    description: 'Unfinished records that have used half of their topic’s retention, by group and topic',
  });
  const observe = (result: { observe(value: number, attributes: Record<string, string>): void }): void => {
    for (const { group, topic, records, lost } of alarms)
      result.observe(records + lost, {
        'messaging.consumer.group.name': group,
        'messaging.destination.name': topic,
      });
  };
  gauge.addCallback(observe);
  return {
    alarms: () => alarms,
    async stop() {
      stopped = true;
      clearTimeout(timer);
      gauge.removeCallback(observe);
      await looking;
    },
  };
}

const isSame = (one: RetentionAlarm, other: RetentionAlarm): boolean =>
  one.group === other.group && one.topic === other.topic;

function wordsOf({ group, topic, retentionMs, records, lost }: RetentionAlarm): [object, string] {
  return [
    { group, topic, records, lost, retention_ms: retentionMs },
    lost > 0
      ? 'unfinished records were deleted: they were older than their topic’s retention'
      : 'unfinished records have used half of their topic’s retention; they are deleted at its end',
  ];
}
