import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deriveMessageId, type MessageId, type Stream } from '@millrace/core';
import type { Job } from './job.ts';
import { testJob } from './job-rig.ts';
import { JournalLook } from './journal-look.ts';
import type { JournalEntry } from './redis/journal.ts';

const at = 1_700_000_000_000;
const me = 7;
const alive = 8;
const dead = 9;

interface Looked {
  readonly fresh: Job[];
  readonly repeated: Job[];
  readonly uncertain: Job[];
  /** What the journal knows from now on. */
  know(entry: JournalEntry): void;
  readonly look: JournalLook;
}

const lookAt = async (
  entry: JournalEntry,
  job: Job,
  stream: Stream,
  inSession: ReadonlySet<MessageId> = new Set(),
): Promise<Looked> => {
  let known = entry;
  const fresh: Job[] = [];
  const repeated: Job[] = [];
  const uncertain: Job[] = [];
  const look = new JournalLook({
    journal: { lookup: async (ids) => ids.map(() => known) },
    census: { number: me, isAlive: (number) => number !== dead },
    inSession,
    outcomes: { repeated: (one) => repeated.push(one), uncertain: (one) => uncertain.push(one) },
    stream,
    logger: { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined },
    now: () => at,
  });
  await look.sort([job], (jobs) => fresh.push(...jobs));
  return {
    fresh,
    repeated,
    uncertain,
    know: (now) => {
      known = now;
    },
    look,
  };
};

const id = deriveMessageId(at, 'one');
const least = () => testJob({ message_id: id });
const most = () => testJob({ message_id: id, guarantee: 'at_most_once' });

test('what nobody has sent is sent, what is done is told again', async () => {
  assert.equal((await lookAt({ kind: 'none' }, least(), 'batch')).fresh.length, 1);
  const done = await lookAt({ kind: 'done', at }, least(), 'batch');
  assert.equal(done.fresh.length, 0);
  assert.equal(done.repeated.length, 1);
});

test('what a worker that is gone had in a session: at least once is sent, at most once is not', async () => {
  const entry: JournalEntry = { kind: 'inflight', worker: dead, since: at - 1_000 };
  assert.equal((await lookAt(entry, least(), 'batch')).fresh.length, 1);
  const looked = await lookAt(entry, most(), 'realtime');
  assert.equal(looked.fresh.length, 0);
  assert.equal(looked.uncertain.length, 1);
});

test('what a worker that lives has in a session waits for what comes of it', async (context) => {
  context.mock.timers.enable({ apis: ['setTimeout'] });
  const looked = await lookAt({ kind: 'inflight', worker: alive, since: at - 1_000 }, least(), 'batch');
  assert.equal(looked.fresh.length, 0);
  looked.know({ kind: 'done', at });
  context.mock.timers.tick(1_000);
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(looked.repeated.length, 1);
  assert.equal(looked.fresh.length, 0);
  looked.look.stop();
});

test('of its own messages a worker knows which it still has in a session', async () => {
  const entry: JournalEntry = { kind: 'inflight', worker: me, since: at - 1_000 };
  assert.equal((await lookAt(entry, least(), 'batch')).fresh.length, 1);
  const still = await lookAt(entry, least(), 'batch', new Set([id]));
  assert.equal(still.fresh.length, 0);
  still.look.stop();
});

test('without Redis realtime is sent; batch and at most once wait until it is back', async () => {
  const unknown: JournalEntry = { kind: 'unknown' };
  assert.equal((await lookAt(unknown, least(), 'realtime')).fresh.length, 1);
  for (const [job, stream] of [
    [least(), 'batch'],
    [most(), 'realtime'],
  ] as const) {
    const looked = await lookAt(unknown, job, stream);
    assert.equal(looked.fresh.length, 0);
    looked.know({ kind: 'none' });
    const again: Job[] = [];
    looked.look.redisIsBack((jobs) => again.push(...jobs));
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(again.length, 1);
  }
});
