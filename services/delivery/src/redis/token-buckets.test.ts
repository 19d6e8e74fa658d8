import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { RateLimit } from '@millrace/core';
import { redisRig, type TestWorker, until } from './redis-rig.ts';

/** Takes as many tokens as there are until `signal` aborts; each time of use goes into `uses`, ms. */
const consume = async (
  { tokens }: Pick<TestWorker, 'tokens'>,
  bucket: string,
  limit: RateLimit,
  uses: number[],
  signal: AbortSignal,
): Promise<void> => {
  while (!signal.aborted) {
    const { granted, waitMs } = await tokens.take(bucket, limit, 3);
    for (let token = 0; token < granted; token++) uses.push(performance.now());
    await delay(granted > 0 ? 0 : Math.min(waitMs, 200), undefined, { signal }).catch(() => undefined);
  }
};

/** Most uses within any window of `ms`. */
const worstWindow = (uses: readonly number[], ms = 1_000): number => {
  const sorted = uses.toSorted((a, b) => a - b);
  let worst = 0;
  let first = 0;
  sorted.forEach((at, last) => {
    while (at - (sorted[first] ?? at) >= ms) first++;
    worst = Math.max(worst, last - first + 1);
  });
  return worst;
};

const consumeFor = async (
  workers: readonly TestWorker[],
  bucket: string,
  limit: RateLimit,
  ms: number,
): Promise<number[][]> => {
  const uses = workers.map((): number[] => []);
  const signal = AbortSignal.timeout(ms);
  await Promise.all(
    workers.map((worker, index) => consume(worker, bucket, limit, uses[index] ?? [], signal)),
  );
  return uses;
};

for (const count of [1, 4, 8]) {
  test(`${count} workers together keep 100/s: never more, little less, and each has a part`, async (t) => {
    const rig = await redisRig(t);
    const workers = await rig.workers(count);
    const seconds = 3;
    const limit = { perSecond: 100, burst: 10 };
    const begun = performance.now();
    const uses = await consumeFor(workers, `exact-${count}`, limit, seconds * 1_000);
    const tookSeconds = (performance.now() - begun) / 1_000;
    const total = uses.flat().length;
    assert.ok(total <= limit.perSecond * tookSeconds + limit.burst, `${total} in ${tookSeconds} s`);
    // What a busy machine comes too late for is lost: a bucket keeps a tenth of a second of it.
    assert.ok(total >= limit.perSecond * seconds * 0.6, `${total} in ${seconds} s`);
    const worst = worstWindow(uses.flat());
    assert.ok(worst <= limit.perSecond + limit.burst, `${worst} in the worst second`);
    for (const own of uses) assert.ok(own.length >= (total / count) * 0.3, `${own.length} of ${total}`);
  });
}

test('at speed one call to Redis brings many tokens', async (t) => {
  const rig = await redisRig(t);
  const worker = await rig.worker();
  const uses = await consumeFor([worker], 'fast', { perSecond: 2_000, burst: 200 }, 2_000);
  const total = uses.flat().length;
  assert.ok(total > 500, `${total} tokens`);
  assert.ok(
    worker.tokens.stats.calls <= total * 0.1,
    `${worker.tokens.stats.calls} calls for ${total} tokens`,
  );
});

test('fractional and slow rates: the first at once, the next after its interval', async (t) => {
  const rig = await redisRig(t);
  const [one, two] = await rig.workers(2);
  assert.ok(one && two);
  const limit = { perSecond: 0.8, burst: 1 };
  const begun = performance.now();
  assert.equal((await one.tokens.take('slow', limit, 5)).granted, 1);
  const refused = await two.tokens.take('slow', limit, 5);
  assert.equal(refused.granted, 0);
  assert.ok(refused.waitMs <= 1_260);
  const uses = (await consumeFor([one, two], 'slow', limit, 3_000)).flat().sort((a, b) => a - b);
  assert.ok(uses.length >= 1 && uses.length <= 3, `${uses.length} in 3 s`);
  for (const [index, at] of uses.entries()) assert.ok(at - begun >= (index + 1) * 1_249, `${at - begun} ms`);
});

test('after a quiet time two fifths of the burst go at once, then the rate', async (t) => {
  const rig = await redisRig(t);
  const worker = await rig.worker();
  const limit = { perSecond: 20, burst: 20 };
  assert.equal((await worker.tokens.take('burst', limit, 1)).granted, 1, 'a new bucket has one');
  await delay(700);
  let granted = 0;
  const begun = performance.now();
  while (performance.now() - begun < 20) granted += (await worker.tokens.take('burst', limit, 20)).granted;
  const meanwhile = Math.ceil(((performance.now() - begun) / 1_000) * limit.perSecond);
  assert.ok(granted >= 4 && granted <= 8 + meanwhile, `${granted} at once`);
});

test('tokens that nobody takes are lost, not saved up', async (t) => {
  const rig = await redisRig(t);
  const worker = await rig.worker();
  const limit = { perSecond: 100, burst: 10 };
  const signal = AbortSignal.timeout(500);
  const uses: number[] = [];
  await consume(worker, 'lost', limit, uses, signal);
  await delay(1_000);
  uses.push(...(await consumeFor([worker], 'lost', limit, 500)).flat());
  assert.ok(worstWindow(uses, 100) <= 10 + limit.burst, `${worstWindow(uses, 100)} in a tenth of a second`);
});

test('tokens given back are the next ones taken', async (t) => {
  const rig = await redisRig(t);
  const worker = await rig.worker();
  const limit = { perSecond: 1, burst: 1 };
  assert.equal((await worker.tokens.take('back', limit, 1)).granted, 1);
  assert.equal((await worker.tokens.take('back', limit, 1)).granted, 0);
  worker.tokens.giveBack('back', 1);
  assert.equal((await worker.tokens.take('back', limit, 2)).granted, 1);
});

test('tokens that are given back again and again grow too old to be used', async (t) => {
  const rig = await redisRig(t);
  const worker = await rig.worker();
  const limit = { perSecond: 1, burst: 1 };
  const { granted } = await worker.tokens.take('old', limit, 1);
  assert.equal(granted, 1);
  const { lost } = worker.tokens.stats;
  worker.tokens.giveBack('old', 1);
  await delay(1_200);
  await worker.tokens.take('old', limit, 1);
  assert.ok(worker.tokens.stats.lost > lost);
});

test('two takers of one bucket at once share one call', async (t) => {
  const rig = await redisRig(t);
  const worker = await rig.worker();
  const limit = { perSecond: 1_000, burst: 100 };
  await worker.tokens.take('at-once', limit, 1);
  await delay(100);
  const { calls } = worker.tokens.stats;
  const grants = await Promise.all([1, 2, 3].map(() => worker.tokens.take('at-once', limit, 10)));
  assert.ok(grants.reduce((sum, { granted }) => sum + granted, 0) >= 3);
  assert.ok(worker.tokens.stats.calls <= calls + 2, `${worker.tokens.stats.calls - calls} calls`);
});

test('without Redis each worker keeps to its share, and nobody exceeds the limit while it goes and comes', async (t) => {
  const rig = await redisRig(t);
  const workers = await rig.workers(4, { returningMs: 1_500 });
  const limit = { perSecond: 80, burst: 8 };
  const uses: number[] = [];
  const end = new AbortController();
  const consuming = workers.map((worker) => consume(worker, 'away', limit, uses, end.signal));
  await delay(1_500);
  const cutAt = performance.now();
  for (const { way } of workers) way.cut();
  await until(() => workers.every(({ presence }) => presence.state === 'away'), 'all workers see it');
  await delay(3_000);
  const mendedAt = performance.now();
  // They find back one after the other.
  for (const { way } of workers) {
    way.mend();
    await delay(150);
  }
  await until(() => workers.every(({ presence }) => presence.state === 'here'), 'all workers are back');
  const backAt = performance.now();
  await delay(1_500);
  end.abort();
  await Promise.all(consuming);

  const worst = worstWindow(uses);
  assert.ok(worst <= limit.perSecond + limit.burst, `${worst} in the worst second`);
  const rateIn = (from: number, to: number) =>
    (uses.filter((at) => at >= from && at < to).length * 1_000) / (to - from);
  assert.ok(
    rateIn(cutAt + 1_000, mendedAt) >= limit.perSecond * 0.7,
    `${rateIn(cutAt + 1_000, mendedAt)}/s without`,
  );
  assert.ok(rateIn(mendedAt, backAt) <= limit.perSecond * 1.05, `${rateIn(mendedAt, backAt)}/s coming back`);
  assert.ok(
    rateIn(backAt, backAt + 1_500) >= limit.perSecond * 0.7,
    `${rateIn(backAt, backAt + 1_500)}/s after`,
  );
});

test('batch pauses while Redis is away and goes on by itself', async (t) => {
  const rig = await redisRig(t);
  const worker = await rig.worker({ stream: 'batch', returningMs: 100 });
  const limit = { perSecond: 1_000, burst: 100 };
  await worker.tokens.take('pause', limit, 10);
  worker.way.cut();
  await until(() => worker.presence.state === 'away', 'it sees that Redis is away');
  await delay(300);
  for (let round = 0; round < 5; round++)
    assert.equal((await worker.tokens.take('pause', limit, 10)).granted, 0);
  worker.way.mend();
  await until(async () => (await worker.tokens.take('pause', limit, 10)).granted > 0, 'tokens come again');
});

test('what was granted under a limit that has changed meanwhile is not used', async (t) => {
  const rig = await redisRig(t);
  const worker = await rig.worker();
  const limit = { perSecond: 1_000, burst: 100 };
  await worker.tokens.take('changed', limit, 1);
  await delay(50);
  const asked = worker.tokens.take('changed', limit, 50);
  worker.tokens.limitChanged('changed');
  assert.equal((await asked).granted, 0);
});
