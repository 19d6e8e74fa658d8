import assert from 'node:assert/strict';
import { test } from 'node:test';
import { classifyStream, mayBeAtMostOnce, messageDeadlines, type StreamPolicy } from './classify-stream.ts';

const tenant: StreamPolicy = {
  default_stream: 'batch',
  categories: {
    alarm: { stream: 'realtime', sla_seconds: 5, guarantee: 'at_most_once' },
    digest: { stream: 'batch', sla_seconds: 3_600, guarantee: 'at_least_once' },
  },
};
const classify = (given: { stream?: string; category?: string; guarantee?: string }) =>
  classifyStream(
    {
      stream: given.stream ?? null,
      category: given.category ?? null,
      guarantee: given.guarantee ?? 'at_least_once',
    },
    tenant,
  );

test('a known category decides the stream and its SLA', () => {
  for (const [category, seconds] of [
    ['otp', 10],
    ['password_reset', 30],
    ['receipt', 120],
    ['notification', 120],
    ['alarm', 5],
  ] as const) {
    assert.equal(classify({ category }).stream, 'realtime');
    assert.equal(classify({ category }).slaMs, seconds * 1_000);
  }
  assert.deepEqual(classify({ category: 'digest' }), {
    stream: 'batch',
    slaMs: 3_600_000,
    guarantee: 'at_least_once',
  });
});

test('an explicit stream wins, and takes the promise of its own', () => {
  assert.deepEqual(classify({ stream: 'batch', category: 'otp' }), {
    stream: 'batch',
    slaMs: 86_400_000,
    guarantee: 'at_least_once',
  });
  assert.equal(classify({ stream: 'realtime', category: 'digest' }).slaMs, 120_000);
  assert.equal(classify({ stream: 'realtime', category: 'otp' }).slaMs, 10_000);
});

test('without stream and known category it is the tenant default', () => {
  assert.equal(classify({}).stream, 'batch');
  assert.equal(classify({ category: 'newsletter' }).stream, 'batch');
  assert.equal(classify({ category: 'constructor' }).stream, 'batch');
  assert.equal(
    classifyStream({ stream: null, category: null, guarantee: '' }, { ...tenant, default_stream: 'realtime' })
      .slaMs,
    120_000,
  );
});

test('at most once only where it is allowed', () => {
  assert.equal(classify({ category: 'otp', guarantee: 'at_most_once' }).guarantee, 'at_most_once');
  assert.equal(classify({ category: 'otp' }).guarantee, 'at_least_once');
  assert.equal(classify({ category: 'alarm' }).guarantee, 'at_most_once');
  assert.equal(classify({ category: 'receipt', guarantee: 'at_most_once' }).guarantee, 'at_least_once');
  assert.equal(mayBeAtMostOnce('receipt', tenant), false);
  assert.equal(mayBeAtMostOnce('alarm', tenant), true);
});

test('times run from acceptance or from send_at, and the deadline is never after the end', () => {
  const at = (send_at: number | null, expires_at: number | null) =>
    messageDeadlines({ accepted_at: 1_000, send_at, expires_at }, 500, 10_000);
  assert.deepEqual(at(null, null), { deadline: 1_500, expiresAt: 11_000 });
  assert.deepEqual(at(50_000, null), { deadline: 50_500, expiresAt: 60_000 });
  assert.deepEqual(at(10, null), { deadline: 1_500, expiresAt: 11_000 });
  assert.deepEqual(at(null, 1_200), { deadline: 1_200, expiresAt: 1_200 });
  assert.deepEqual(at(null, 99_000), { deadline: 1_500, expiresAt: 11_000 });
});
