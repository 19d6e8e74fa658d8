import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Attempts } from './attempts.ts';
import { Claiming } from './claiming.ts';
import type { Job } from './job.ts';
import { testJob } from './job-rig.ts';
import type { JournalEntry } from './redis/journal.ts';
import { DeliveryTally } from './tally.ts';

const nothing = (): void => undefined;

/** A worker's ways to and from the journal; `was`: what it knows of any message. */
const rig = (was: JournalEntry, { prepared = true, mayGoOn = true } = {}) => {
  const calls: string[] = [];
  const attempts = new Attempts({
    journal: {
      claim: async () => {
        calls.push('claim');
        return was;
      },
      begin: async (ids) => {
        calls.push('begin');
        return ids.map(() => was);
      },
      done: async () => undefined,
      undo: async () => {
        calls.push('undo');
      },
    },
    outcomes: {
      delivered: nothing,
      repeated: nothing,
      postponed: nothing,
      deferred: nothing,
      bounced: nothing,
      expired: nothing,
    },
    tally: new DeliveryTally(),
    now: Date.now,
  });
  const claiming = new Claiming({
    attempts,
    look: {
      mayGoOn: () => {
        calls.push('look');
        return mayGoOn;
      },
    },
    prepare: async () => {
      calls.push('prepare');
      return prepared;
    },
    place: nothing,
    now: () => testJob().held.timestamp + 1_000,
  });
  return { calls, attempts, claiming };
};

test('a message that is new is begun once, while it is prepared, and is in nobody else’s hands from then on', async () => {
  const { calls, attempts, claiming } = rig({ kind: 'none' });
  const job = testJob();
  assert.equal(await claiming.prepare(job), true);
  assert.deepEqual(calls, ['claim', 'prepare']);
  assert.ok(job.claimed && attempts.inSession.has(job.id));
});

test('what is claimed and not sent after all is free again; what came into a session is not', async () => {
  const { calls, attempts, claiming } = rig({ kind: 'none' });
  const job = testJob();
  await claiming.prepare(job);
  attempts.letGo(job);
  attempts.letGo(job);
  assert.deepEqual(calls, ['claim', 'prepare', 'undo']);
  assert.equal(attempts.inSession.size, 0);
});

test('what another worker has, or has done, is not sent and stays theirs', async () => {
  for (const was of [
    { kind: 'done', at: 1 },
    { kind: 'inflight', worker: 8, since: 1 },
  ] as const) {
    const { calls, attempts, claiming } = rig(was, { mayGoOn: false });
    const job = testJob();
    assert.equal(await claiming.prepare(job), false);
    attempts.letGo(job);
    assert.deepEqual(calls, ['claim', 'prepare', 'look']);
    assert.equal(attempts.inSession.size, 0);
  }
});

test('what a worker that is gone had is taken over', async () => {
  const { calls, claiming } = rig({ kind: 'inflight', worker: 9, since: 1 });
  const job = testJob();
  assert.equal(await claiming.prepare(job), true);
  assert.deepEqual(calls, ['claim', 'prepare', 'look', 'begin']);
  assert.equal(job.claimed, true);
});

test('without Redis the mail is ready, and begun at the last moment', async () => {
  const { claiming } = rig({ kind: 'unknown' });
  const job = testJob();
  assert.equal(await claiming.prepare(job), true);
  assert.equal(job.claimed, false);
});

test('at most once is never begun ahead, and a record that may have been read before is looked up first', async () => {
  const { calls, claiming } = rig({ kind: 'none' });
  const most = testJob({ guarantee: 'at_most_once' });
  assert.equal(claiming.suits(most), false);
  assert.equal(await claiming.prepare(most), true);
  assert.deepEqual(calls, ['prepare']);
  const old: Job = { ...testJob(), held: { ...testJob().held, timestamp: 0 } };
  assert.equal(claiming.suits(old), false);
  assert.equal(claiming.suits(testJob()), true);
});
