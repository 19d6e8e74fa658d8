import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ControlTable, topics } from '@millrace/core';
import type { Kafka, KafkaLogger } from '@millrace/kafka';
import { testInstallation, until } from '@millrace/kafka/testing';
import type { MessageEvent } from '@millrace/schemas';
import { type Shaper, startShaping } from './shaper.ts';

const silent = (): undefined => undefined;
const logger: KafkaLogger = { debug: silent, info: silent, warn: silent, error: silent };

const yaml = `
automation:
  - name: listed
    match: 'on our block list'
    after: 3
    suspend: true
    alert: the source is on a block list
    for: 1h
    recover: { from: 10/min, every: 5m, factor: 2, steps: 6 }
`;

const lane = { stream: 'batch', isp: 'gmail', site: 'mx.google.test', source: 'ip1' } as const;
const laneName = 'lane:batch/gmail/ip1';

let serial = 0;
/** A bounce as a worker tells it. */
const bounce = (over: Partial<MessageEvent> = {}): MessageEvent => {
  serial += 1;
  const id = `message-${serial}`;
  return {
    event_id: `${id}:bounced`,
    kind: 'bounced',
    time: Date.now(),
    message_id: id,
    request_id: id,
    tenant: 'acme',
    ...{ stream: 'batch', category: null, campaign: null, recipient: 'ada@gmail.com', domain: 'gmail.com' },
    ...{ isp: lane.isp, site: lane.site, pool: 'main', source: lane.source, mx: lane.site },
    ...{ remote_address: '127.0.1.10', attempt: 1, reply_code: 550, enhanced_code: '5.7.1' },
    ...{ text: 'You are on our block list', phase: 'rcpt', bounce_category: 'ip_listed', latency_ms: 5 },
    ...{ attempt_ms: 2, size_bytes: 500, tls: null, next_attempt_at: null, tags: [], metadata: {} },
    ...{ trace_id: null, sender_domain: 'acme.example' },
    ...over,
  };
};

/** A Kafka of its own with what shapers write there. */
async function setting() {
  const installation = await testInstallation([topics.events, topics.control], 4);
  const { kafka } = installation;
  const producer = await kafka.producer();
  const table = new ControlTable();
  const shaped: MessageEvent[] = [];
  await kafka.followedTable({
    topic: topics.control,
    record: 'ControlState',
    onChange: (key, record) => assert.notEqual(table.apply(key, record).kind, 'refused'),
  });
  await kafka.tail({
    topic: topics.events,
    record: 'MessageEvent',
    from: 'earliest',
    onRecord: ({ value }) => {
      if (value.kind === 'shaped') shaped.push(value);
    },
  });
  return {
    kafka,
    table,
    shaped,
    /** Waits until every shaper has looked at it. */
    tell: async (...events: readonly MessageEvent[]): Promise<void> => {
      for (const event of events)
        await producer.send('MessageEvent', topics.events, { key: event.message_id, value: event });
    },
    settled: () =>
      until(async () => {
        const lags = await kafka.lag({ groups: ['shaper'] });
        return lags.length > 0 && lags.every(({ lag }) => lag === 0);
      }),
    control: (key: string, value: Parameters<ControlTable['apply']>[1]): Promise<void> =>
      value === null
        ? producer.sendTombstone(topics.control, key)
        : producer.send('ControlState', topics.control, { key, value }),
    async [Symbol.asyncDispose]() {
      await installation[Symbol.asyncDispose]();
    },
  };
}

const start = async (
  kafka: Kafka,
  over: Partial<Parameters<typeof startShaping>[0]> = {},
): Promise<Shaper> => {
  const shaper = await startShaping({
    kafka,
    logger,
    shaping: { yaml, name: 'test.yaml' },
    act: true,
    ...over,
  });
  await until(() => shaper.ready, 'the shaper');
  return shaper;
};

test('replies of all workers are counted together; a firing suspends, and is an event with the reply that caused it', async () => {
  await using rig = await setting();
  const shaper = await start(rig.kafka);
  await rig.tell(bounce(), bounce(), bounce({ source: 'ip2' }));
  await until(() => shaper.stats().replies === 3);
  assert.equal(rig.shaped.length, 0);
  const last = bounce();
  await rig.tell(last);
  await until(() => rig.shaped.length === 1 && rig.table.blocking(lane, Date.now()) !== undefined);
  const blocking = rig.table.blocking(lane, Date.now());
  assert.equal(blocking?.until, last.time + 3_600_000);
  assert.equal(blocking.control.author, 'automation:listed');
  assert.match(blocking.control.reason, /550 5\.7\.1 You are on our block list/);
  assert.equal(rig.table.blocking({ ...lane, source: 'ip2' }, Date.now()), undefined);
  const [event] = rig.shaped;
  assert.equal(event?.message_id, last.message_id);
  assert.equal(event.reply_code, 550);
  assert.equal(event.source, 'ip1');
  assert.match(
    event.text ?? '',
    /^listed: lane:batch\/gmail\/ip1 suspended until .*You are on our block list$/,
  );
  assert.equal(event.metadata.alert, 'the source is on a block list');
  // Afterwards a low limit, then more.
  const [cap] = rig.table.limitChangesOf(lane, last.time + 3_600_000).inForce;
  assert.equal(cap?.changes.messagesPerSecond, 10 / 60);
  await shaper.stop();
});

test('what a message said twice counts once, and what a suspension cut off extends nothing', async () => {
  await using rig = await setting();
  const shaper = await start(rig.kafka);
  const twice = bounce();
  await rig.tell(twice, twice, twice, bounce());
  await until(() => shaper.stats().replies === 4);
  assert.equal(rig.shaped.length, 0);
  await rig.tell(bounce(), bounce(), bounce(), bounce(), bounce());
  await until(() => shaper.stats().replies === 9);
  await rig.settled();
  assert.equal(shaper.stats().firings.get('listed'), 1);
  await shaper.stop();
});

test('a shaper that starts again counts on where the one before stopped', async () => {
  await using rig = await setting();
  const first = await start(rig.kafka);
  await rig.tell(bounce(), bounce());
  await until(() => first.stats().replies === 2);
  await rig.settled();
  await first.stop();
  const second = await start(rig.kafka);
  await rig.tell(bounce());
  await until(() => rig.shaped.length === 1);
  await rig.settled();
  await second.stop();
  const third = await start(rig.kafka);
  await rig.tell(bounce(), bounce(), bounce());
  await until(() => third.stats().replies === 3);
  assert.equal(third.stats().firings.size, 0, 'it knows that the rule has fired');
  await third.stop();
});

test('of several shapers one acts; when it is gone another goes on with what was counted', async () => {
  await using rig = await setting();
  const first = await start(rig.kafka);
  const second = await start(rig.kafka);
  await rig.tell(bounce(), bounce());
  await until(() => first.stats().events + second.stats().events >= 2);
  await rig.settled();
  const [acting, waiting] = first.stats().events > 0 ? [first, second] : [second, first];
  assert.equal(waiting.stats().events, 0);
  await acting.stop();
  await rig.tell(bounce());
  await until(() => rig.shaped.length === 1);
  assert.equal(waiting.stats().firings.get('listed'), 1);
  await waiting.stop();
});

test('what an operator undid counts from the beginning; what an operator suspended for longer stands', async () => {
  await using rig = await setting();
  const shaper = await start(rig.kafka);
  await rig.tell(bounce(), bounce(), bounce());
  const key = `suspension|${laneName}`;
  await until(() => rig.table.get(key) !== undefined);
  await rig.control(key, null);
  await until(() => rig.table.get(key) === undefined);
  const head = { kind: 'suspension', scope: laneName, until: null, set_at: Date.now(), value: null };
  await rig.control(key, { ...head, author: 'ada', reason: 'asked to' });
  await until(() => shaper.stats().controls === 2, 'the operator’s suspension and the cap behind the rule’s');
  await rig.tell(bounce(), bounce());
  await until(() => shaper.stats().replies === 5);
  assert.equal(shaper.stats().firings.get('listed'), 1, 'two are not three');
  await rig.tell(bounce());
  await until(() => rig.shaped.length === 2);
  assert.equal(rig.table.get(key)?.author, 'ada');
  await shaper.stop();
});

test('told not to act, it only says what it would do', async () => {
  await using rig = await setting();
  const shaper = await start(rig.kafka, { act: false });
  await rig.tell(bounce(), bounce(), bounce());
  await until(() => rig.shaped.length === 1);
  assert.match(rig.shaped[0]?.text ?? '', /would be suspended/);
  assert.equal(rig.table.size, 0);
  await shaper.stop();
});

test('an applied shaping file replaces the rules at once; a wrong one changes nothing', async () => {
  await using rig = await setting();
  const shaper = await start(rig.kafka);
  const applied = (text: string) => ({
    ...{ kind: 'shaping', scope: 'shaping', until: null, reason: '', author: 'ada', set_at: Date.now() },
    value: JSON.stringify({ yaml: text, name: 'applied.yaml' }),
  });
  const controls = () => shaper.stats().controls;
  await rig.control('shaping|shaping', applied(yaml.replace('after: 3', 'after: 1')));
  await until(() => controls() === 1);
  await rig.tell(bounce());
  await until(() => rig.shaped.length === 1);
  await rig.control('shaping|shaping', applied('automation: 7'));
  await until(() => rig.table.shapingText(Date.now())?.yaml === 'automation: 7');
  await rig.tell(bounce({ source: 'ip3' }));
  await until(() => rig.shaped.length === 2);
  await shaper.stop();
});
