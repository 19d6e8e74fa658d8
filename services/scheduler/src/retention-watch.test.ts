import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KafkaLogger, RetentionAlarm } from '@millrace/kafka';
import { until } from '@millrace/kafka/testing';
import { type RetentionWatch, watchRetention } from './retention-watch.ts';

const alarm = (topic: string, lost = 0): RetentionAlarm => ({
  ...{ group: 'delivery-batch', topic, retentionMs: 3_600_000, records: 5, lost },
});

test('an alarm is said once when it begins and once when it is over; Kafka away changes nothing', async () => {
  const said: string[] = [];
  const silent = (): undefined => undefined;
  const logger: KafkaLogger = {
    ...{ debug: silent, warn: silent },
    info: (details, text) => said.push(`info ${JSON.stringify(details)} ${text}`),
    error: (details, text) => said.push(`error ${JSON.stringify(details)} ${text}`),
  };
  const looks: (readonly RetentionAlarm[] | Error)[] = [
    [alarm('a')],
    [alarm('a'), alarm('b', 2)],
    new Error('away'),
    [alarm('b', 2)],
  ];
  let looked = 0;
  const seen: string[][] = [];
  let watch: RetentionWatch | undefined;
  watch = watchRetention({
    ...{ logger, everyMs: 1, now: () => 1_000 },
    kafka: {
      retention: async (share, now) => {
        assert.deepEqual([share, now], [0.5, 1_000]);
        seen.push((watch?.alarms() ?? []).map(({ topic }) => topic));
        const found = looks[Math.min(looked, looks.length - 1)];
        looked += 1;
        if (found === undefined || found instanceof Error) throw found ?? new Error('none');
        return found;
      },
    },
  });
  await until(() => looked > looks.length);
  await watch.stop();
  assert.equal(said.length, 3, said.join('\n'));
  assert.match(said[0] ?? '', /^error .*"topic":"a".* half of their topic’s retention/);
  assert.match(said[1] ?? '', /^error .*"topic":"b".*"lost":2.* were deleted/);
  assert.match(said[2] ?? '', /^info .*"topic":"a".* any more$/);
  assert.deepEqual(seen[3], ['a', 'b'], 'what was found before Kafka was away');
});
