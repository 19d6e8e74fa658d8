import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deriveMessageId, type MessageLimitInForce } from '@millrace/core';
import type { Job } from './job.ts';
import { testJob } from './job-rig.ts';
import { MessageGates, type MessageGatesParts } from './message-gates.ts';

const limit = (bucket: string): MessageLimitInForce => ({
  bucket,
  rate: { perSecond: 1_000, burst: 10 },
  index: 0,
});

/** Buckets with so many tokens, and what is done with them. */
const rig = (tokens: Record<string, number>, overrides: Partial<MessageGatesParts> = {}) => {
  const placed: Job[] = [];
  const postponed: number[] = [];
  let now = 1_000_000;
  const gates = new MessageGates({
    buckets: {
      take: async (bucket, _rate, want) => {
        const granted = Math.min(want, tokens[bucket] ?? 0);
        tokens[bucket] = (tokens[bucket] ?? 0) - granted;
        return { granted, waitMs: 1 };
      },
      giveBack: (bucket, count) => {
        tokens[bucket] = (tokens[bucket] ?? 0) + count;
      },
    },
    limitsOf: ({ held }) => held.value.tags.map(limit),
    mayBeSent: ({ held }) => held.value.tenant !== 'gone',
    place: (jobs) => placed.push(...jobs),
    postpone: (_job, dueAt) => postponed.push(dueAt),
    mostOfPartition: 3,
    now: () => now,
    ...overrides,
  });
  const until = async (what: () => boolean): Promise<void> => {
    for (let turn = 0; turn < 2_000 && !what(); turn += 1) await new Promise((next) => setTimeout(next, 1));
    assert.ok(what());
  };
  const later = (ms: number): void => {
    now += ms;
  };
  return { gates, placed, postponed, tokens, until, later };
};

const job = (name: string, tags: readonly string[], tenant = 'acme'): Job =>
  testJob({ message_id: deriveMessageId(1_700_000_000_000, name), tags: [...tags], tenant });

test('what nothing limits passes; the rest waits until it has a token of every rate', async () => {
  const { gates, placed, tokens, until } = rig({ a: 1, b: 0 });
  assert.equal(gates.admits(job('free', [])), true);
  const both = job('both', ['a', 'b']);
  assert.equal(gates.admits(both), false);
  await until(() => tokens.a === 1);
  assert.deepEqual(placed, []);
  tokens.b = 1;
  await until(() => placed.length === 1);
  assert.equal(gates.admits(both), true, 'it has its tokens');
  assert.deepEqual([tokens.a, tokens.b, gates.waiting], [0, 0, 0]);
  gates.stop();
});

test('tokens of a message that its lane does not take soon are not good for ever', async () => {
  const { gates, placed, tokens, until, later } = rig({ a: 1 });
  const one = job('one', ['a']);
  gates.admits(one);
  await until(() => placed.length === 1);
  later(2_001);
  assert.equal(gates.admits(one), false);
  tokens.a = 1;
  await until(() => placed.length === 2);
  gates.stop();
});

test('what would fill the window waits elsewhere, and what may not be sent costs no token', async () => {
  const { gates, placed, postponed, tokens, until } = rig({});
  for (const name of ['1', '2', '3', '4', '5'])
    gates.admits(job(name, ['a'], name === '2' ? 'gone' : 'acme'));
  assert.equal(gates.waiting, 3);
  assert.equal(postponed.length, 2);
  tokens.a = 5;
  await until(() => placed.length === 2);
  await until(() => tokens.a === 3);
  gates.stop();
});

test('when the limits change all of them find their way anew', () => {
  const { gates, placed } = rig({});
  gates.admits(job('1', ['a']));
  gates.admits(job('2', ['b']));
  gates.release();
  assert.deepEqual([placed.length, gates.waiting], [2, 0]);
  gates.stop();
});
