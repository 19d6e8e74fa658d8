/** Complaints that come back by mail end the batch mail of their campaign: sandbox, feedback, shaper and workers together. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { deadLetterTopic, topics } from '@millrace/core';
import type { Delivery } from '@millrace/delivery';
import { type Feedback, startFeedback } from '@millrace/feedback-service';
import type { DeliveryTask } from '@millrace/schemas';
import { type Shaper, startShaping } from '@millrace/shaper';
import { freePorts } from '../../infra/stack/ports.ts';
import { type DeliveryRig, silent, startRig, unique } from '../delivery/delivery-rig.ts';

const complaintAddress = 'fbl@acme.example';
const measure = { warnShare: 0.05, pauseShare: 0.1, leastMails: 40, leastCount: 5, windowMs: 3_600_000 };
const key = 'suspension|campaign:acme/spring';

let rig: DeliveryRig;
let batch: Delivery;
let feedback: Feedback;
let shaper: Shaper;
before(async () => {
  const [smtpPort = 0] = await freePorts(1);
  rig = await startRig({
    isps: ['gmail', 'yahoo'],
    beside: 'realtime',
    topics: [
      topics.reports,
      deadLetterTopic(topics.reports),
      deadLetterTopic(topics.events),
      topics.suppressions,
    ],
    sandbox: { verify: 'off', answers: { smtp: `127.0.0.1:${smtpPort}`, complaintAddress } },
    // What waits for its turn at gmail when the campaign is suspended waits on.
    shaping: 'isps: { gmail: { max_message_rate: 1/min } }',
    sources: {
      one: { address: '127.0.3.1', ehlo: 'one.acme.example' },
      two: { address: '127.0.3.2', ehlo: 'two.acme.example' },
    },
    pools: {
      main: { stream: 'batch', sources: [{ source: 'one', weight: 1 }] },
      fast: { stream: 'realtime', sources: [{ source: 'two', weight: 1 }] },
    },
  });
  const { KAFKA_BROKERS = '', SCHEMA_REGISTRY_URL = '' } = process.env;
  const starting = startFeedback({
    redis: rig.redis,
    logger: silent,
    config: {
      kafka: {
        brokers: KAFKA_BROKERS.split(','),
        topic_prefix: rig.topicPrefix,
        partitions: 1,
        replication_factor: 1,
      },
      registry: { url: SCHEMA_REGISTRY_URL },
      redis: rig.config.redis,
      tenants: {
        acme: {
          ...{ default_stream: 'batch', categories: {}, from_domains: ['acme.example'], webhooks: {} },
          ...{ pools: { realtime: 'fast', batch: 'main' }, api_keys: [] },
        },
      },
      dkim: rig.config.dkim,
      ...(rig.config.unsubscribe === undefined ? {} : { unsubscribe: rig.config.unsubscribe }),
      feedback_id_sender: rig.config.feedback_id_sender,
      blobs: rig.config.blobs,
      feedback: {
        smtp: {
          ...{ host: '127.0.0.1', port: smtpPort, enabled: true, hostname: 'mx.acme.example' },
          ...{ max_connections: 10, mails_per_minute: 1_000 },
        },
        http: { host: '127.0.0.1', port: 0 },
        max_report_bytes: 1_000_000,
        complaint_addresses: [complaintAddress],
        soft_bounces: { count: 3, within_days: 7, suppress_days: 30 },
      },
    },
  });
  const startingShaper = startShaping({
    kafka: rig.kafka,
    logger: silent,
    shaping: { yaml: '', name: 'none.yaml' },
    act: true,
    spikes: {
      suspend: ['campaign'],
      measures: {
        complaints: measure,
        bounces: { ...measure, leastCount: 1_000 },
        blocks: { ...measure, leastCount: 1_000 },
      },
    },
  });
  // Joining a group takes seconds.
  [feedback, shaper, batch] = await Promise.all([
    starting,
    startingShaper,
    rig.startWorker(),
    rig.startWorker({ stream: 'realtime' }),
  ]);
  await rig.until(() => feedback.ready && shaper.ready, 'feedback and shaper');
});
after(async () => {
  await shaper?.stop();
  await feedback?.stop();
  await rig?.stop();
});

const mails = (
  count: number,
  name: string,
  domain: string,
  over: Partial<DeliveryTask> = {},
): DeliveryTask[] =>
  Array.from({ length: count }, () =>
    rig.task(`${name}+${unique()}@${domain}`, { campaign: 'spring', ...over }),
  );
const delivered = (tasks: readonly DeliveryTask[]): number =>
  tasks.filter((task) => rig.kindsOf(task).includes('delivered')).length;

test('too many complaints of a campaign: its batch mail stops, what waited and what comes; other campaigns and realtime go on', async () => {
  const inLine = mails(4, 'reader', 'gmail.com');
  const readers = mails(44, 'reader', 'yahoo.com');
  const complaining = mails(8, 'complain', 'yahoo.com');
  await rig.send(...inLine, ...readers, ...complaining);
  await rig.until(() => delivered([...readers, ...complaining]) === 52, 'the campaign has begun');
  for (const task of complaining) {
    const complained = await rig.event(task, 'complained');
    assert.deepEqual([complained.campaign, complained.stream], ['spring', 'batch']);
    assert.deepEqual(
      [complained.metadata.certainty, complained.metadata.matched_by],
      ['certain', 'unsubscribe_token'],
    );
  }

  // It is known to the worker at the latest when it holds mail back.
  const spring = mails(10, 'reader', 'yahoo.com');
  await rig.until(() => batch.stats().controls === 1, 'the suspension');
  await rig.send(...spring);
  await rig.until(() => batch.stats().held >= 13, 'what waits at gmail, and what comes for yahoo');
  const summer = mails(10, 'reader', 'yahoo.com', { campaign: 'summer' });
  const realtime = mails(10, 'reader', 'yahoo.com', { stream: 'realtime', pool: 'fast' });
  await rig.send(...summer, ...realtime);
  await rig.until(() => delivered(summer) === 10 && delivered(realtime) === 10, 'the others');
  assert.equal(delivered(spring), 0);
  assert.ok(delivered(inLine) <= 1);
  const [pause] = rig.events.filter(({ kind, metadata }) => kind === 'spike' && metadata.acted === 'true');
  assert.match(
    pause?.text ?? '',
    /^campaign:acme\/spring: [5-8] complaints of \d+ mails .*suspended until it is resumed$/,
  );

  await rig.undo(key);
  await rig.until(() => delivered(spring) === 10, 'what was held back, once it is resumed');
});
