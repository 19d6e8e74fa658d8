import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type MessageId, newMessageId } from '@millrace/core';
import fc from 'fast-check';
import { Journal, type JournalEntry } from './journal.ts';
import { type RedisRig, redisRig, type TestWorker, until } from './redis-rig.ts';

const minute = 60_000;
const ids = (count: number, at: (index: number) => number): MessageId[] =>
  Array.from({ length: count }, (_, index) => newMessageId(at(index)));

const keysOf = ({ connection, keyPrefix }: RedisRig): Promise<string[]> =>
  connection.client.keys(`${keyPrefix}journal:*`);

/** Bytes of Redis for the journal, and the encodings of its hashes. */
const sizeOf = async (rig: RedisRig): Promise<{ bytes: number; encodings: ReadonlySet<unknown> }> => {
  let bytes = 0;
  const encodings = new Set<unknown>();
  for (const key of await keysOf(rig)) {
    bytes += Number(await rig.connection.client.memory('USAGE', key, 'SAMPLES', 0));
    encodings.add(await rig.connection.client.object('ENCODING', key));
  }
  return { bytes, encodings };
};

const deliver = async (
  { journal }: Pick<TestWorker, 'journal'>,
  messages: readonly MessageId[],
): Promise<void> => {
  for (let start = 0; start < messages.length; start += 200) {
    const some = messages.slice(start, start + 200);
    await journal.begin(some);
    await Promise.all(some.map((id) => journal.done(id)));
  }
};

test('a message is unknown, then in flight, then done, for every worker', async (t) => {
  const rig = await redisRig(t);
  const one = await rig.worker();
  const two = await rig.worker();
  const [id] = ids(1, Date.now);
  assert.ok(id);
  assert.deepEqual(await two.journal.lookup([id]), [{ kind: 'none' }]);
  const before = Date.now();
  assert.deepEqual(await one.journal.begin([id]), [{ kind: 'none' }]);
  const [inflight] = await two.journal.lookup([id]);
  assert.ok(inflight?.kind === 'inflight');
  assert.equal(inflight.worker, one.census.number);
  assert.ok(inflight.since >= before && inflight.since <= Date.now());
  const at = Date.now() + 5;
  await one.journal.done(id, at);
  assert.deepEqual(await two.journal.lookup([id]), [{ kind: 'done', at }]);
  assert.deepEqual(await two.journal.begin([id]), [{ kind: 'done', at }], 'who begins it again is told');
});

test('what was taken is on its way to Redis within a turn of the event loop, but for the last few', async (t) => {
  const rig = await redisRig(t);
  const { journal } = await rig.worker();
  const messages = ids(1_000, Date.now);
  // From here on it gathers for some milliseconds.
  await deliver({ journal }, messages);
  const taken = ids(100, Date.now);
  await journal.begin(taken);
  const { calls, visits } = journal.stats;
  const written = taken.map((id) => journal.done(id));
  const left = taken.length - (journal.stats.visits - visits);
  assert.ok(left < 20, `${left} messages are known to nobody but this worker`);
  assert.ok(journal.stats.calls - calls <= 10, `${journal.stats.calls - calls} calls`);
  await Promise.all(written);
  assert.ok((await journal.lookup(taken)).every(({ kind }) => kind === 'done'));
});

test('a claim takes what nobody has, and leaves to another worker what it has begun or done', async (t) => {
  const rig = await redisRig(t);
  const one = await rig.worker();
  const two = await rig.worker();
  const [id] = ids(1, Date.now);
  assert.ok(id);
  assert.deepEqual(await one.journal.claim(id), { kind: 'none' });
  const theirs = await two.journal.claim(id);
  assert.ok(theirs.kind === 'inflight' && theirs.worker === one.census.number);
  const [still] = await two.journal.lookup([id]);
  assert.ok(still?.kind === 'inflight' && still.worker === one.census.number);
  await one.journal.undo(id);
  assert.deepEqual(await two.journal.claim(id), { kind: 'none' });
  const at = Date.now();
  await two.journal.done(id, at);
  assert.deepEqual(await one.journal.claim(id), { kind: 'done', at });
  assert.deepEqual(await two.journal.lookup([id]), [{ kind: 'done', at }]);
});

test('what was taken goes along with the next call, and by itself when none comes', async (t) => {
  const rig = await redisRig(t);
  const { journal } = await rig.worker();
  const [id, other] = ids(2, () => Date.now() - 5 * minute);
  assert.ok(id && other);
  await journal.begin([id]);
  const { calls } = journal.stats;
  await Promise.all([journal.done(id), journal.claim(other)]);
  assert.equal(journal.stats.calls, calls + 1);
  await journal.done(other);
  assert.equal(journal.stats.calls, calls + 2);
});

test('what was refused may be begun again as if nothing had been', async (t) => {
  const rig = await redisRig(t);
  const worker = await rig.worker();
  const [id] = ids(1, Date.now);
  assert.ok(id);
  await worker.journal.begin([id]);
  await worker.journal.undo(id);
  assert.deepEqual(await worker.journal.lookup([id]), [{ kind: 'none' }]);
  assert.deepEqual(await worker.journal.begin([id]), [{ kind: 'none' }]);
});

for (const count of [300, 2_000, 12_000]) {
  test(`${count} messages of one minute cost at most 40 bytes each, and each is found`, async (t) => {
    const rig = await redisRig(t);
    const worker = await rig.worker();
    const from = Date.now() - 5 * minute;
    const all = ids(count, (index) => from + (index % 60));
    await deliver(worker, all);
    const { bytes, encodings } = await sizeOf(rig);
    assert.ok(bytes / count <= 40, `${bytes / count} bytes`);
    for (const encoding of encodings) assert.match(String(encoding), /ziplist|listpack/);
    const other = await rig.worker();
    for (let start = 0; start < count; start += 500) {
      const entries = await other.journal.lookup(all.slice(start, start + 500));
      assert.ok(entries.every(({ kind }) => kind === 'done'));
    }
    const strangers = await other.journal.lookup(ids(200, () => from + 30));
    assert.ok(strangers.every(({ kind }) => kind === 'none'));
  });
}

test('a message a second for an hour costs at most 40 bytes each too', async (t) => {
  const rig = await redisRig(t);
  const worker = await rig.worker();
  const now = Date.now();
  const all = ids(3_600, (index) => now - index * 1_000);
  await deliver(worker, all);
  const { bytes } = await sizeOf(rig);
  assert.ok(bytes / all.length <= 40, `${bytes / all.length} bytes`);
});

test('all calls of one turn of the event loop are one call to Redis', async (t) => {
  const rig = await redisRig(t);
  const worker = await rig.worker();
  const now = Date.now() - 5 * minute;
  const all = ids(50, () => now);
  const { calls } = worker.journal.stats;
  await Promise.all([
    ...all.map((id) => worker.journal.begin([id])),
    worker.journal.lookup(all.slice(0, 5)),
    ...all.slice(0, 10).map((id) => worker.journal.done(id)),
  ]);
  assert.equal(worker.journal.stats.calls, calls + 1);
});

test('calls that come fast, one by one, are gathered: a tenth of a call for each', async (t) => {
  const rig = await redisRig(t);
  const worker = await rig.worker();
  const now = Date.now() - 5 * minute;
  const all = ids(6_000, () => now);
  const one = async (id: MessageId): Promise<void> => {
    await worker.journal.begin([id]);
    await worker.journal.done(id);
  };
  // As sessions do it: 60 at work, each with one message after the other.
  const lines = Array.from({ length: 60 }, async (_, line) => {
    for (let index = line; index < all.length; index += 60) await one(all[index] ?? assert.fail());
  });
  await Promise.all(lines);
  const { calls, visits } = worker.journal.stats;
  assert.equal(visits, 12_000);
  assert.ok(calls / all.length <= 0.15, `${calls} calls for ${all.length} messages`);
});

test('it is remembered for its days from the last change on, also when the message is old', async (t) => {
  const rig = await redisRig(t);
  const worker = await rig.worker({ journalDays: 2 });
  const days = 86_400;
  const [young] = ids(1, Date.now);
  assert.ok(young);
  await worker.journal.begin([young]);
  const [youngKey] = await keysOf(rig);
  const ttl = await rig.connection.client.ttl(youngKey ?? '');
  assert.ok(ttl > 2 * days && ttl <= 2 * days + 3_600, `${ttl} s`);

  const old = newMessageId(Date.now() - 1.9 * days * 1_000);
  await worker.journal.begin([old]);
  const oldKey = (await keysOf(rig)).find((key) => key !== youngKey) ?? assert.fail();
  await rig.connection.client.expire(oldKey, 60);
  await worker.journal.done(old);
  assert.ok((await rig.connection.client.ttl(oldKey)) > 2 * days);
});

test('two workers and any order of calls: it knows what a list would know', async (t) => {
  const rig = await redisRig(t);
  const workers = [await rig.worker(), await rig.worker()];
  const now = Date.now() - 5 * minute;
  const step = fc.record({
    worker: fc.nat(1),
    message: fc.nat(399),
    call: fc.constantFrom('begin' as const, 'done' as const, 'undo' as const, 'lookup' as const),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      const known = new Map<MessageId, string>();
      const messages = ids(400, () => now);
      // Enough of them to fill the first hash: what is looked for lies at different depths.
      await workers[0]?.journal.begin(messages.slice(200));
      for (const id of messages.slice(200)) known.set(id, 'inflight');
      for (const { worker, message, call } of steps) {
        const { journal } = workers[worker] ?? assert.fail();
        const id = messages[message] ?? assert.fail();
        const expected = known.get(id) ?? 'none';
        switch (call) {
          case 'begin': {
            const [entry] = await journal.begin([id]);
            assert.equal(entry?.kind, expected);
            if (expected !== 'done') known.set(id, 'inflight');
            break;
          }
          case 'done':
            await journal.done(id);
            known.set(id, 'done');
            break;
          case 'undo':
            await journal.undo(id);
            if (expected !== 'done') known.set(id, 'none');
            break;
          case 'lookup': {
            const [entry] = await journal.lookup([id]);
            assert.equal(entry?.kind, expected);
            break;
          }
          default:
            call satisfies never;
        }
      }
      const entries = await (workers[1] ?? assert.fail()).journal.lookup(messages);
      assert.deepEqual(
        entries.map(({ kind }) => kind),
        messages.map((id) => known.get(id) ?? 'none'),
      );
    }),
    { numRuns: 15 },
  );
});

test('without Redis it says that it does not know; what was done meanwhile is written when Redis is back', async (t) => {
  const rig = await redisRig(t);
  const worker = await rig.worker();
  const other = await rig.worker();
  const [begun, done] = ids(2, Date.now);
  assert.ok(begun && done);
  await worker.journal.begin([begun, done]);
  worker.way.cut();
  await until(() => worker.presence.state === 'away', 'it sees that Redis is away');
  await worker.journal.done(done, 1_795_000_000_000 + 10 ** 10);
  const entries = await worker.journal.lookup([begun, done]);
  const expected: JournalEntry = { kind: 'done', at: 1_795_000_000_000 + 10 ** 10 };
  assert.deepEqual(entries, [{ kind: 'unknown' }, expected]);
  worker.way.mend();
  await until(async () => (await other.journal.lookup([done]))[0]?.kind === 'done', 'it is written');
});

test('what was called for is written before it stops', async (t) => {
  const rig = await redisRig(t);
  const worker = await rig.worker();
  const now = Date.now() - 5 * minute;
  const all = ids(100, () => now);
  const journal = new Journal({
    client: rig.connection.client,
    presence: worker.presence,
    keyPrefix: rig.keyPrefix,
    worker: 1,
    days: 1,
  });
  for (const id of all) void journal.done(id);
  await journal.stop();
  assert.ok((await worker.journal.lookup(all)).every(({ kind }) => kind === 'done'));
});
