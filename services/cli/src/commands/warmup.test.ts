/** Warm-up as the operator sees it: plans from the configuration, progress and volume from a real Kafka. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { newMessageId, topics } from '@millrace/core';
import type { Kafka } from '@millrace/kafka';
import { type TestInstallation, testInstallation } from '@millrace/kafka/testing';
import type { MessageEvent } from '@millrace/schemas';
import { answering } from '../answering-server.ts';
import { neededTopics } from '../doctor/kafka-check.ts';
import { cliRig, type Rig } from '../rig.ts';

let installation: TestInstallation & { readonly kafka: Kafka };
let rig: Rig;
before(async () => {
  installation = await testInstallation(neededTopics);
  rig = cliRig({
    KAFKA_BROKERS: installation.options.brokers.join(','),
    SCHEMA_REGISTRY_URL: installation.options.registry.url,
    MILLRACE_TOPIC_PREFIX: installation.options.topicPrefix ?? '',
  });
  writeFileSync(
    join(rig.directory, 'millrace.yaml'),
    `warm_up_plans: { short: { days: 4, first_day: { gmail: 10, other: 5 }, growth: 2 } }
sources:
  old: {}
  new: { warm_up: { plan: short, start: 2030-01-01 } }
pools: { batch: { stream: batch, sources: [{ source: old }, { source: new }] } }
`,
  );
});
after(async () => {
  rig?.[Symbol.dispose]();
  await installation?.[Symbol.asyncDispose]();
});

const delivered = (source: string, time: number): MessageEvent => {
  const id = newMessageId(time);
  return {
    ...{ event_id: id, kind: 'delivered', time, message_id: id, request_id: 'r', tenant: 'acme' },
    ...{ stream: 'batch', category: null, campaign: null, recipient: 'a@gmail.com', domain: 'gmail.com' },
    ...{ isp: 'gmail', site: 'google', pool: 'batch', source, mx: null, remote_address: null, attempt: 1 },
    ...{ reply_code: 250, enhanced_code: null, text: null, phase: null, bounce_category: null },
    ...{ latency_ms: 1, attempt_ms: 1, size_bytes: 1, tls: null, next_attempt_at: null, tags: [] },
    ...{ metadata: {}, trace_id: null, sender_domain: null },
  };
};
const status = async (...argv: readonly string[]) => {
  const { code, out, err } = await rig.run('--json', 'warmup', 'status', ...argv);
  assert.equal(code, 0, err);
  return JSON.parse(out).sources[0];
};

test('a plan shows the caps of each of its days', async () => {
  const { out } = await rig.run('--json', 'warmup', 'plan', 'short');
  const { days } = JSON.parse(out);
  assert.deepEqual(
    days.map(({ caps }: { caps: { gmail: number } }) => caps.gmail),
    [10, 20, 40, 80],
  );
  assert.equal(JSON.parse((await rig.run('--json', 'warmup', 'plan', 'new')).out).name, 'short');
  assert.match((await rig.run('warmup', 'plan', '1m')).out, /^ *42 /m);
  const wrong = await rig.run('warmup', 'plan', 'shrt');
  assert.equal(wrong.code, 2);
  assert.match(wrong.err, /Did you mean "short"\?/);
});

test('before it begins: from its start, when there is enough to send', async () => {
  const enough = await status('--volume', '100000');
  assert.deepEqual(
    [enough.source, enough.day, enough.days_left, enough.completes_on],
    ['new', null, 4, '2030-01-05'],
  );
  const tooLittle = await status('--volume', '10');
  assert.deepEqual([tooLittle.days_left, tooLittle.completes_on], [null, null]);
});

test('on its way: the day that the shaper wrote, who holds it, and the volume of its pool in the last day', async () => {
  const now = Date.now();
  const producer = await installation.kafka.producer();
  const write = (kind: string, value: string | null) =>
    producer.send('ControlState', topics.control, {
      key: `${kind}|warmup:new`,
      value: {
        ...{
          scope: 'warmup:new',
          kind,
          until: null,
          reason: 'a good day',
          author: 'ada',
          set_at: now,
          value,
        },
      },
    });
  const progress = {
    ...{ plan: 'short', day: 3, date: '2030-02-01', timeZone: 'UTC', caps: {}, completed: false },
    ...{ spent: [], dayEndsAt: Date.parse('2030-02-02') },
  };
  await write('warmup', JSON.stringify(progress));
  for (const event of [
    ...Array.from({ length: 7 }, () => delivered('old', now)),
    ...Array.from({ length: 3 }, () => delivered('new', now)),
    delivered('elsewhere', now),
    delivered('old', now - 2 * 86_400_000),
  ])
    await producer.send('MessageEvent', topics.events, { key: event.message_id, value: event });
  const found = await status();
  assert.deepEqual([found.day, found.volume, found.reason], [3, 10, 'a good day']);
  assert.equal((await status('--volume', '100000')).completes_on, '2030-02-03');
  await write('hold', null);
  assert.deepEqual((await status()).held, { by: 'ada', reason: 'a good day', until: null });
  assert.match(
    (await rig.run('warmup', 'status')).out,
    /^new +short +3 of 4 +\d+ +10 +never with this volume +held by ada: a good day$/m,
  );
});

test('hold and resume are controls of the source', async () => {
  const control = { kind: 'hold', scope: 'warmup:new', reason: 'x', author: 'ada', set_at: '', until: null };
  await using ingest = await answering({ status: 200, body: control });
  assert.equal((await rig.run('warmup', 'hold', 'new', '--reason', 'x', ...ingest.flags)).code, 0);
  assert.equal((await rig.run('warmup', 'resume', 'new', ...ingest.flags)).code, 0);
  assert.deepEqual(
    ingest.asked.map(({ method, url }) => `${method} ${decodeURIComponent(url)}`),
    ['PUT', 'GET', 'DELETE'].map((method) => `${method} /v1/controls/hold/warmup:new`),
  );
});
