/** Whether the cluster answers and has this installation's topics. */
import { delayTiers, delayTopic, isps, shardTopic, streams, topics } from '@millrace/core';
import { connectKafka, kafkaOptionsOf } from '@millrace/kafka';
import type { Config } from '@millrace/service';
import { overdueLine } from '../commands/status.ts';
import { type Finding, failed, ok, warning } from './finding.ts';

const check = 'Kafka';

/** Topics without which nothing moves. */
export const neededTopics: readonly string[] = [
  ...Object.values(topics),
  ...streams.flatMap((stream) => isps.map((isp) => shardTopic(stream, isp))),
  ...delayTiers.map(delayTopic),
];

export async function checkKafka(config: Config): Promise<readonly Finding[]> {
  const kafka = await connectKafka(kafkaOptionsOf(config, 'doctor'));
  try {
    const { brokers, topics: present } = await kafka.clusterFacts();
    const missing = neededTopics.filter((topic) => !present.includes(topic));
    const named = `${config.kafka.brokers.join(', ')} (${brokers.length} ${brokers.length === 1 ? 'broker' : 'brokers'})`;
    if (missing.length > 0) return [failed(check, `${named} ${lack(missing, config)}`, setupHint)];
    const overdue = await kafka.retention(0.5, Date.now());
    const replicas = config.kafka.replication_factor;
    return [
      ok(check, `${named} has every topic`),
      ...overdue.map((alarm) =>
        (alarm.lost > 0 ? failed : warning)(
          'retention',
          overdueLine(alarm),
          `millrace status and millrace why show what group ${alarm.group} waits for; a longer retention.ms of the topic gives time.`,
        ),
      ),
      ...(brokers.length > 1 && replicas === 1
        ? [
            warning(
              check,
              `topics have one replica on a cluster of ${brokers.length} brokers: what is on a broker that is lost, is lost`,
              'Set kafka.replication_factor to 3 before the topics are created.',
            ),
          ]
        : []),
    ];
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    return [
      failed(
        check,
        error.message.replace(/\.$/, ''),
        'Check kafka.brokers (KAFKA_BROKERS), TLS and SASL, and that the brokers run and advertise an address that this machine reaches.',
      ),
    ];
  } finally {
    await kafka.stop();
  }
}

const setupHint =
  'npm start creates them for the local pipeline; for a cluster run node infra/setup.ts. Or check kafka.topic_prefix.';

function lack(missing: readonly string[], config: Config): string {
  const prefix = config.kafka.topic_prefix;
  const [firstOne] = missing;
  return missing.length === neededTopics.length
    ? `has none of the topics${prefix === '' ? '' : ` with the prefix ${prefix}`}`
    : `lacks ${missing.length} topics, ${prefix}${firstOne} for one`;
}
