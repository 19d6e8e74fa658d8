/** What `millrace why` and `millrace forecast` make of events, controls, tokens and connections on a real Kafka and Redis. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import {
  type LaneReport,
  leaseKey,
  newMessageId,
  tokensKey,
  topics,
  type WorkerReport,
  workerReportKey,
  workersKey,
} from '@millrace/core';
import type { Kafka } from '@millrace/kafka';
import { type TestInstallation, testInstallation } from '@millrace/kafka/testing';
import { type Sandbox, startSandbox } from '@millrace/sandbox';
import type { ControlState, MessageEvent } from '@millrace/schemas';
import { connectRedis, type RedisConnection } from '@millrace/service';
import { neededTopics } from '../doctor/kafka-check.ts';
import { cliRig, type Rig } from '../rig.ts';

let installation: TestInstallation & { readonly kafka: Kafka };
let sandbox: Sandbox;
let redis: RedisConnection;
let rig: Rig;
let prefix: string;
before(async () => {
  [installation, sandbox] = await Promise.all([
    testInstallation(neededTopics),
    startSandbox({ smtpPort: 0, dnsPort: 0, http: { port: 0 } }),
  ]);
  prefix = `${installation.options.topicPrefix}:`;
  const url = process.env.REDIS_URL;
  assert.ok(url, 'Run through `npm test`, or set REDIS_URL.');
  redis = connectRedis({ redis: { url } }, { info: () => undefined, warn: () => undefined });
  assert.ok(await redis.connected(10_000));
  rig = cliRig({
    KAFKA_BROKERS: installation.options.brokers.join(','),
    SCHEMA_REGISTRY_URL: installation.options.registry.url,
    REDIS_URL: url,
    MILLRACE_TOPIC_PREFIX: installation.options.topicPrefix ?? '',
    MILLRACE_REDIS_PREFIX: prefix,
  });
  writeFileSync(
    join(rig.directory, 'shaping.yaml'),
    `isps:
  gmail:
    max_message_rate: 1/min
domains:
  googlemail.com: { connection_limit: 3 }
  nowhere.example: { connection_limit: 4 }
`,
  );
  writeFileSync(
    join(rig.directory, 'millrace.yaml'),
    `delivery: { shaping_file: shaping.yaml }
router: { dns_servers: ["${sandbox.dnsServer}"] }
sources: { ip1: {}, ip2: {}, ip3: {} }
tenants: { acme: {} }
pools:
  batch: { stream: batch, sources: [{ source: ip1 }, { source: ip2 }] }
  realtime: { stream: realtime, sources: [{ source: ip3 }] }
`,
  );
});
after(async () => {
  rig?.[Symbol.dispose]();
  await sandbox?.stop();
  if (redis?.ready) {
    const keys = await redis.client.keys(`${prefix}*`);
    if (keys.length > 0) await redis.client.del(...keys);
  }
  await redis?.stop();
  await installation?.[Symbol.asyncDispose]();
});

const event = (id: string, kind: string, over: Partial<MessageEvent> = {}): MessageEvent => ({
  ...{ event_id: `${id}:${kind}`, kind, time: Date.now(), message_id: id, request_id: 'r' },
  ...{ tenant: 'acme', stream: 'batch', category: null, campaign: 'spring', recipient: 'ada@gmail.com' },
  ...{ domain: 'gmail.com', isp: 'gmail', site: 'google', pool: 'batch', source: null, mx: null },
  ...{ remote_address: null, attempt: 0, reply_code: null, enhanced_code: null, text: null, phase: null },
  ...{ bounce_category: null, latency_ms: null, attempt_ms: null, size_bytes: null, tls: null },
  ...{ next_attempt_at: null, tags: [], metadata: {}, trace_id: null, sender_domain: null, ...over },
});
const write = async (...events: readonly MessageEvent[]) => {
  const producer = await installation.kafka.producer();
  for (const value of events)
    await producer.send('MessageEvent', topics.events, { key: value.message_id, value });
};
const set = async (key: string, state: Pick<ControlState, 'kind' | 'scope'>) => {
  const producer = await installation.kafka.producer();
  const value = {
    until: null,
    reason: 'wrong price',
    author: 'ada',
    set_at: Date.now(),
    value: null,
    ...state,
  };
  await producer.send('ControlState', topics.control, { key, value });
  return () => producer.sendTombstone(topics.control, key);
};
const why = async (...argv: readonly string[]) => {
  const { code, out, err } = await rig.run('--json', 'why', ...argv);
  assert.equal(code, 0, err);
  return JSON.parse(out);
};

test('a lane that used up its rate: the limit with its line, the level, the next time, what to do', async () => {
  const fullAt = (Date.now() + 45_000) * 1_000;
  await redis.client.set(tokensKey(prefix, 'batch/gmail/ip1'), String(fullAt), 'PX', 60_000);
  await redis.client.zadd(leaseKey(prefix, 'leases', 'batch/gmail/ip1'), String(Date.now() + 60_000), '1/1');
  const lane: LaneReport = {
    ...{ lane: 'batch/gmail/ip1', waiting: 1_240, sessions: 1, connections: 10 },
    ...{ messages_per_second: 1 / 60, throttled: true, sent: 5 },
  };
  const report: WorkerReport = {
    ...{ stream: 'batch', worker: 1, host: 'one', pid: 1, at: Date.now(), known_lanes: 1, lanes: [lane] },
  };
  await redis.client.zadd(workersKey(prefix, 'batch'), String(Date.now() + 60_000), '1');
  await redis.client.set(workerReportKey(prefix, 'batch', 1), JSON.stringify(report), 'PX', 60_000);

  const { lanes } = await why('--lane', 'batch/gmail/ip1');
  const [state] = lanes;
  assert.equal(state.wait.kind, 'rate');
  assert.ok(Math.abs(state.wait.nextAt - fullAt / 1_000) <= 2);
  assert.deepEqual([state.limit.key, state.limit.value, state.limit.line], ['max_message_rate', '1/min', 3]);
  assert.equal(state.tokens.level, 0);
  assert.deepEqual([state.connections, state.connection_limit, state.waiting], [1, 10, 1_240]);
  const { out } = await rig.run('why', '--lane', 'gmail/ip1');
  assert.match(out, /^realtime\/gmail\/ip1 /m);
  assert.match(out, /^batch\/gmail\/ip1 {2}waits for its rate: .*\(in \d+\.\d s\)$/m);
  assert.match(out, /max_message_rate 1\/min, from .*shaping\.yaml:3 \(isps\.gmail\)/);
  assert.match(out, /millrace limit batch\/gmail\/ip1 max_message_rate=VALUE/);
});

test('a lane of a domain that the shaping names has the limits of its provider beside its own', async () => {
  const lane = 'batch/googlemail.com/ip1';
  const fullAt = (Date.now() + 45_000) * 1_000;
  await redis.client.set(tokensKey(prefix, lane), String(fullAt), 'PX', 60_000);
  const [state] = (await why('--lane', lane)).lanes;
  assert.deepEqual([state.lane, state.connection_limit, state.wait.kind], [lane, 3, 'rate']);
  assert.deepEqual([state.limit.value, state.limit.origin], ['1/min', 'isps.gmail']);
  const undo = await set('suspension|isp:batch/gmail', { kind: 'suspension', scope: 'isp:batch/gmail' });
  assert.equal((await why('--lane', lane)).lanes[0].wait.kind, 'suspended');
  await undo();
  const undoDomain = await set('suspension|domain:googlemail.com', {
    ...{ kind: 'suspension', scope: 'domain:googlemail.com' },
  });
  assert.equal((await why('--lane', lane)).lanes[0].wait.kind, 'suspended');
  await undoDomain();
  const { code, out, err } = await rig.run('--json', 'why', '--lane', 'batch/nowhere.example/ip1');
  assert.equal(code, 0);
  assert.equal(JSON.parse(out).lanes[0].connection_limit, 4);
  assert.match(err, /There is no domain nowhere\.example\. What its provider's limits are is not in this\./);
});

test('a message in its shard waits for the lanes of its pool', async () => {
  const id = newMessageId(Date.now());
  await write(event(id, 'accepted'), event(id, 'routed'));
  const found = await why(id);
  assert.equal(found.stage.kind, 'lanes');
  assert.deepEqual(
    found.lanes.map(({ lane, wait }: { lane: string; wait: { kind: string } }) => `${lane} ${wait.kind}`),
    ['batch/gmail/ip1 rate', 'batch/gmail/ip2 nothing'],
  );
});

test('a message under a suspension, or a drop: who, why, and the command that lifts it', async () => {
  const id = newMessageId(Date.now());
  await write(event(id, 'accepted'), event(id, 'routed'));
  const undo = await set('suspension|campaign:acme/spring', {
    ...{ kind: 'suspension', scope: 'campaign:acme/spring' },
  });
  assert.deepEqual((await why(id)).stage, {
    ...{ kind: 'suspended', control: 'suspension|campaign:acme/spring', author: 'ada' },
    ...{ reason: 'wrong price', until: null },
  });
  const { out } = await rig.run('why', id);
  assert.match(
    out,
    /is held back until that is undone by suspension\|campaign:acme\/spring, set by ada: wrong price/,
  );
  assert.match(out, /millrace controls undo suspension 'campaign:acme\/spring' lifts it/);
  await undo();
  const undrop = await set('drop|tenant:acme', { kind: 'drop', scope: 'tenant:acme' });
  assert.equal((await why(id)).stage.kind, 'dropped');
  await undrop();
  assert.equal((await why(id)).stage.kind, 'lanes');
});

test('suspended lanes say so; a suspension of the pool is one of its lanes', async () => {
  const undo = await set('suspension|pool:batch', { kind: 'suspension', scope: 'pool:batch' });
  const { lanes } = await why('--lane', 'batch/gmail/ip2');
  assert.equal(lanes[0].wait.kind, 'suspended');
  assert.equal(lanes[0].suspension.reason, 'wrong price');
  await undo();
});

test('before the router, between two tries, and after the end', async () => {
  const now = Date.now();
  const fresh = newMessageId(now);
  await write(event(fresh, 'accepted', { isp: null, site: null, pool: null }));
  assert.equal((await why(fresh)).stage.kind, 'router');
  const deferred = newMessageId(now);
  await write(
    event(deferred, 'routed'),
    event(deferred, 'deferred', { text: 'try later', attempt: 1, next_attempt_at: now + 600_000 }),
  );
  assert.deepEqual((await why(deferred)).stage, {
    kind: 'later',
    next_at: now + 600_000,
    reason: 'try later',
  });
  const done = newMessageId(now);
  await write(event(done, 'routed'), event(done, 'delivered', { attempt: 1 }));
  assert.deepEqual((await why(done)).stage, { kind: 'ended', outcome: 'delivered' });
  assert.equal((await rig.run('why', newMessageId(now))).code, 4);
});

test('a wrong question ends with 2', async () => {
  for (const argv of [[], ['4711'], ['--lane', 'gmail'], ['--lane', 'batch/gmail/ip1/x']]) {
    const ran = await rig.run('why', ...argv);
    assert.equal(ran.code, 2, ran.err);
  }
});

test('a forecast of what is in Kafka, under the limits that hold', async () => {
  const producer = await installation.kafka.producer();
  for (let index = 0; index < 30; index += 1)
    await producer.sendBytes('mail.batch.gmail', { key: 'k', value: Buffer.from('x') });
  const { code, out, err } = await rig.run('--json', 'forecast', 'batch/gmail', '--measure', '1ms');
  assert.equal(code, 0, err);
  const { forecasts, at } = JSON.parse(out);
  const [gmail] = forecasts;
  assert.equal(forecasts.length, 1);
  assert.deepEqual([gmail.waiting, gmail.lanes.length], [30, 2]);
  // 30 at 1/min from each of two sources.
  const minutes = (gmail.empty_at - at) / 60_000;
  assert.ok(minutes > 13 && minutes < 16, `${minutes} min`);
  assert.match(
    (await rig.run('forecast', '--measure', '1ms')).out,
    /^batch\/gmail +30 +0\.03\/s +20 +14 min/m,
  );
  assert.equal((await rig.run('forecast', 'gmial')).code, 2);
});
