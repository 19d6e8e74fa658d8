import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { ConnectionLeases, Lease } from './connection-leases.ts';
import { redisRig, until } from './redis-rig.ts';

const isLease = (answer: Lease | { readonly waitMs: number }): answer is Lease => 'id' in answer;
const later = (): number => Date.now() + 3_600_000;

const mustAcquire = async (leases: ConnectionLeases, lane: string, limit: number): Promise<Lease> => {
  const answer = await leases.acquire(lane, limit, later());
  assert.ok(isLease(answer), 'no lease was granted');
  return answer;
};

const mustWait = async (leases: ConnectionLeases, lane: string, limit: number): Promise<void> => {
  assert.ok(!isLease(await leases.acquire(lane, limit, later())), 'a lease was granted');
};

test('as many as the limit, over all workers, and one more when one is closed', async (t) => {
  const rig = await redisRig(t);
  const [one, two] = await rig.workers(2);
  assert.ok(one && two);
  const first = await mustAcquire(one.leases, 'limit', 2);
  await mustAcquire(two.leases, 'limit', 2);
  await mustWait(one.leases, 'limit', 2);
  await mustWait(two.leases, 'limit', 2);
  await mustAcquire(one.leases, 'elsewhere', 2);
  one.leases.release(first);
  await mustAcquire(one.leases, 'limit', 2);
  assert.equal(one.leases.held('limit'), 1);
});

test('who waits is woken when a connection is free, in the order they came', async (t) => {
  const rig = await redisRig(t);
  const woken: string[] = [];
  const [holder] = await rig.workers(1);
  const second = await rig.worker({ onFree: () => woken.push('second') });
  const third = await rig.worker({ onFree: () => woken.push('third') });
  assert.ok(holder);
  const held = await mustAcquire(holder.leases, 'queue', 1);
  await mustWait(second.leases, 'queue', 1);
  await delay(20);
  await mustWait(third.leases, 'queue', 1);

  holder.leases.release(held);
  await until(() => woken.length > 0, 'somebody is woken');
  assert.deepEqual(woken, ['second']);
  await mustWait(third.leases, 'queue', 1);
  await mustWait(holder.leases, 'queue', 1);
  const taken = await mustAcquire(second.leases, 'queue', 1);

  second.leases.release(taken);
  await until(() => woken.length > 1, 'the next is woken');
  assert.deepEqual(woken, ['second', 'third']);
  await mustAcquire(third.leases, 'queue', 1);
});

test('whose mail is overdue comes before who came first', async (t) => {
  const rig = await redisRig(t);
  const [holder, patient, late] = await rig.workers(3);
  assert.ok(holder && patient && late);
  const held = await mustAcquire(holder.leases, 'overdue', 1);
  await mustWait(patient.leases, 'overdue', 1);
  await late.leases.acquire('overdue', 1, Date.now() - 60_000);
  holder.leases.release(held);
  await delay(50);
  await mustWait(patient.leases, 'overdue', 1);
  await mustAcquire(late.leases, 'overdue', 1);
});

test('a waiter that went away is passed over after some seconds, one that leaves the line at once', async (t) => {
  const rig = await redisRig(t);
  const [holder, gone, next] = await rig.workers(3);
  assert.ok(holder && gone && next);
  const held = await mustAcquire(holder.leases, 'gone', 1);
  await mustWait(gone.leases, 'gone', 1);
  await delay(5);
  await mustWait(next.leases, 'gone', 1);
  await gone.leases.leave('gone');
  holder.leases.release(held);
  const again = await mustAcquire(next.leases, 'gone', 1);
  assert.equal(next.leases.shouldYield(again), false, 'nobody waits any more');

  await mustWait(holder.leases, 'gone', 1);
  await holder.kill();
  next.leases.release(again);
  await until(
    async () => isLease(await gone.leases.acquire('gone', 1, later())),
    'the dead one is passed over',
  );
});

test('leases of a killed worker come back when they expire, not before; those of a living one last', async (t) => {
  const rig = await redisRig(t);
  const [killed, living, waiting] = await rig.workers(3, { leaseTtlMs: 2_400 });
  assert.ok(killed && living && waiting);
  await mustAcquire(killed.leases, 'killed', 2);
  const kept = await mustAcquire(living.leases, 'killed', 2);
  await mustWait(waiting.leases, 'killed', 2);
  const killedAt = performance.now();
  await killed.kill();
  await until(
    async () => isLease(await waiting.leases.acquire('killed', 2, later())),
    'the lease comes back',
  );
  const tookMs = performance.now() - killedAt;
  // Renewed at some time in the last quarter of its life.
  assert.ok(tookMs > 2_400 * 0.6, `it came back after ${tookMs} ms`);
  await delay(3_000);
  await mustWait(waiting.leases, 'killed', 2);
  assert.equal(living.leases.held('killed'), 1);
  living.leases.release(kept);
});

test('a holder gives way when another has none, or two fewer; not to somebody who has as many', async (t) => {
  const rig = await redisRig(t);
  const [rich, poor] = await rig.workers(2);
  assert.ok(rich && poor);
  const held: Lease[] = [];
  for (let count = 0; count < 4; count++) held.push(await mustAcquire(rich.leases, 'fair', 4));
  assert.ok(
    held.every((lease) => !rich.leases.shouldYield(lease)),
    'nobody waits',
  );

  await mustWait(poor.leases, 'fair', 4);
  await until(() => held.some((lease) => rich.leases.shouldYield(lease)), 'the holder hears of it');
  const yielding = held.filter((lease) => rich.leases.shouldYield(lease));
  assert.equal(yielding.length, 1, 'one waits, one gives way');
  for (const lease of yielding) rich.leases.release(lease);
  const got = await mustAcquire(poor.leases, 'fair', 4);
  const rest = held.filter((lease) => !yielding.includes(lease));
  await until(
    () => !rest.some((lease) => rich.leases.shouldYield(lease)),
    'three may stay while nobody waits',
  );

  // With three and one the poorer wants one more: two and two.
  await mustWait(poor.leases, 'fair', 4);
  await until(() => rest.some((lease) => rich.leases.shouldYield(lease)), 'three against one');
  const second = rest.find((lease) => rich.leases.shouldYield(lease));
  assert.ok(second);
  rich.leases.release(second);
  await mustAcquire(poor.leases, 'fair', 4);

  // With two and two both want more and neither gives way.
  await mustWait(poor.leases, 'fair', 4);
  await mustWait(rich.leases, 'fair', 4);
  await delay(100);
  assert.equal(poor.leases.shouldYield(got), false);
  assert.ok(rest.filter((lease) => lease !== second).every((lease) => !rich.leases.shouldYield(lease)));
});

test('eight workers on five connections: never a sixth, and each has its turns', async (t) => {
  const rig = await redisRig(t);
  const limit = 5;
  const wake = new Map<number, () => void>();
  const workers = await Promise.all(
    Array.from({ length: 8 }, (_, index) =>
      rig.worker({ stream: 'batch', onFree: () => wake.get(index)?.() }),
    ),
  );
  let open = 0;
  let most = 0;
  const mails = workers.map(() => 0);
  const end = AbortSignal.timeout(4_000);
  /** One worker with backlog: opens what it gets, sends mails of 2 ms, gives way after 20 when told to. */
  const work = async (index: number): Promise<void> => {
    const { leases } = workers[index] ?? assert.fail();
    const connections = new Set<Promise<void>>();
    const connection = async (lease: Lease): Promise<void> => {
      open += 1;
      most = Math.max(most, open);
      for (let sent = 0; !end.aborted && !(sent >= 20 && leases.shouldYield(lease)); sent++) {
        await delay(2);
        mails[index] = (mails[index] ?? 0) + 1;
      }
      open -= 1;
      leases.release(lease);
    };
    while (!end.aborted) {
      const answer = await leases.acquire('crowd', limit, later());
      if (isLease(answer)) {
        const running = connection(answer).finally(() => connections.delete(running));
        connections.add(running);
      } else {
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, answer.waitMs);
          wake.set(index, () => {
            clearTimeout(timer);
            resolve();
          });
        });
      }
    }
    await Promise.all(connections);
  };
  await Promise.all(workers.map((_, index) => work(index)));
  assert.ok(most <= limit, `${most} connections at once`);
  const total = mails.reduce((sum, count) => sum + count, 0);
  for (const own of mails) assert.ok(own > (total / 8) * 0.4, `${mails.join(', ')} mails`);
});

test('a lowered limit makes holders give up what is above it', async (t) => {
  const rig = await redisRig(t);
  const [worker] = await rig.workers(1, { leaseTtlMs: 400 });
  assert.ok(worker);
  const held: Lease[] = [];
  for (let count = 0; count < 3; count++) held.push(await mustAcquire(worker.leases, 'lowered', 3));
  await mustWait(worker.leases, 'lowered', 1);
  await until(
    () => held.filter((lease) => worker.leases.shouldYield(lease)).length === 2,
    'two are told to go',
  );
});

test('a worker that was cut off finds its lease with another, and is told to close', async (t) => {
  const rig = await redisRig(t);
  const lost: Lease[] = [];
  const cut = await rig.worker({ leaseTtlMs: 600, returningMs: 200, onLost: (lease) => lost.push(lease) });
  const other = await rig.worker({ leaseTtlMs: 600 });
  const lease = await mustAcquire(cut.leases, 'lost', 1);
  cut.way.cut();
  await until(async () => isLease(await other.leases.acquire('lost', 1, later())), 'it expires');
  cut.way.mend();
  await until(() => lost.length > 0, 'the worker is told');
  assert.deepEqual(lost, [lease]);
  assert.equal(cut.leases.held('lost'), 0);
  assert.equal(cut.leases.shouldYield(lease), true);
});

test('while Redis is away for all: holders shrink to their share, others take theirs, never more than the limit', async (t) => {
  const rig = await redisRig(t);
  const [rich, poor] = await rig.workers(2, { leaseTtlMs: 1_000, returningMs: 500 });
  assert.ok(rich && poor);
  const held = new Set<Lease>();
  for (let count = 0; count < 4; count++) held.add(await mustAcquire(rich.leases, 'away', 4));
  for (const { way } of [rich, poor]) way.cut();
  await until(() => [rich, poor].every(({ presence }) => presence.state === 'away'), 'both see it');
  await mustWait(poor.leases, 'away', 4);
  for (const lease of [...held]) {
    if (!rich.leases.shouldYield(lease)) continue;
    rich.leases.release(lease);
    held.delete(lease);
  }
  assert.equal(held.size, 2, 'half of four');
  const share: Lease[] = [];
  await until(async () => {
    const answer = await poor.leases.acquire('away', 4, later());
    if (isLease(answer)) share.push(answer);
    return share.length === 2;
  }, 'the other takes its share');
  await mustWait(poor.leases, 'away', 4);
  await mustWait(rich.leases, 'away', 4);

  for (const { way } of [rich, poor]) way.mend();
  await until(() => [rich, poor].every(({ presence }) => presence.state === 'here'), 'both are back');
  await delay(400);
  await mustWait(rich.leases, 'away', 4);
  for (const lease of share) poor.leases.release(lease);
  await until(async () => isLease(await rich.leases.acquire('away', 4, later())), 'limits are shared again');
});

test('batch opens nothing while Redis is away, and keeps what it has', async (t) => {
  const rig = await redisRig(t);
  const worker = await rig.worker({ stream: 'batch', leaseTtlMs: 500 });
  const lease = await mustAcquire(worker.leases, 'batch', 4);
  worker.way.cut();
  await until(() => worker.presence.state === 'away', 'it sees it');
  await delay(800);
  await mustWait(worker.leases, 'batch', 4);
  assert.equal(worker.leases.shouldYield(lease), false);
});
