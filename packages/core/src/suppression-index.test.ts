import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { everyList, type SuppressionFacts, SuppressionIndex } from './suppression-index.ts';

const forever: SuppressionFacts = { reason: 'bounce', streams: [], expiresAt: null };

test('a suppressed address is found for its tenant only', () => {
  const index = new SuppressionIndex(1);
  index.set('acme', 'a@example.com', forever);
  assert.equal(index.find({ tenant: 'acme', address: 'a@example.com', stream: 'batch' }, 0), 'bounce');
  assert.equal(index.find({ tenant: 'other', address: 'a@example.com', stream: 'batch' }, 0), undefined);
  assert.equal(index.find({ tenant: 'acme', address: 'b@example.com', stream: 'batch' }, 0), undefined);
});

test('a whole domain is suppressed by its name after the at sign', () => {
  const index = new SuppressionIndex(1);
  index.set('acme', '@example.com', { ...forever, reason: 'manual' });
  assert.equal(
    index.find({ tenant: 'acme', address: 'anyone@example.com', stream: 'realtime' }, 0),
    'manual',
  );
  assert.equal(
    index.find({ tenant: 'acme', address: 'anyone@sub.example.com', stream: 'realtime' }, 0),
    undefined,
  );
});

test('it ends when it expires', () => {
  const index = new SuppressionIndex(1);
  index.set('acme', 'a@example.com', { ...forever, expiresAt: 5_000 });
  assert.equal(index.find({ tenant: 'acme', address: 'a@example.com', stream: 'batch' }, 4_999), 'bounce');
  assert.equal(index.find({ tenant: 'acme', address: 'a@example.com', stream: 'batch' }, 5_000), undefined);
});

test('an unsubscription from batch leaves realtime alone', () => {
  const index = new SuppressionIndex(1);
  index.set('acme', 'a@example.com', { reason: 'unsubscribe', streams: ['batch'], expiresAt: null });
  assert.equal(index.find({ tenant: 'acme', address: 'a@example.com', stream: 'batch' }, 0), 'unsubscribe');
  assert.equal(index.find({ tenant: 'acme', address: 'a@example.com', stream: 'realtime' }, 0), undefined);
});

test('an unsubscription from one list leaves the others alone, and what is suppressed at all is on every list', () => {
  const index = new SuppressionIndex(1);
  const question = { tenant: 'acme', address: 'a@example.com', stream: 'batch' } as const;
  index.set('acme', 'a@example.com', { ...forever, reason: 'unsubscribe', list: 'news' });
  assert.equal(index.find({ ...question, list: 'news' }, 0), 'unsubscribe');
  assert.equal(index.find({ ...question, list: 'offers' }, 0), undefined);
  assert.equal(index.find(question, 0), undefined);
  index.set('acme', 'a@example.com', forever);
  assert.equal(index.find({ ...question, list: 'offers' }, 0), 'bounce');
  assert.equal(index.delete('acme', 'a@example.com'), true);
  assert.equal(index.delete('acme', 'a@example.com', 'offers'), false);
  assert.equal(index.find({ ...question, list: 'news' }, 0), 'unsubscribe');
});

test('who wants no list gets none, and a bounce of the same address does not take its place', () => {
  const index = new SuppressionIndex(1);
  const question = { tenant: 'acme', address: 'a@example.com', stream: 'batch' } as const;
  index.set('acme', 'a@example.com', {
    reason: 'unsubscribe',
    streams: ['batch'],
    expiresAt: null,
    list: everyList,
  });
  index.set('acme', 'a@example.com', { reason: 'bounce', streams: [], expiresAt: 1_000 });
  assert.equal(index.find({ ...question, list: 'news' }, 0), 'bounce');
  assert.equal(index.find({ ...question, list: 'news' }, 2_000), 'unsubscribe');
  assert.equal(index.find(question, 2_000), 'unsubscribe');
  assert.equal(index.find({ ...question, stream: 'realtime' }, 2_000), undefined);
});

test('a whole domain is suppressed on one list', () => {
  const index = new SuppressionIndex(1);
  index.set('acme', '@example.com', { ...forever, list: 'news' });
  const question = { tenant: 'acme', address: 'a@example.com', stream: 'batch' } as const;
  assert.equal(index.find({ ...question, list: 'news' }, 0), 'bounce');
  assert.equal(index.find(question, 0), undefined);
});

test('it behaves as a map through any sequence of additions and removals', () => {
  const address = fc.integer({ min: 0, max: 150 }).map((n) => `user${n}@example.com`);
  const step = fc.record({
    address,
    remove: fc.boolean(),
    streams: fc.subarray(['realtime', 'batch']),
    expiresAt: fc.option(fc.integer({ min: 0, max: 9 }).map((n) => n * 1_000)),
  });
  fc.assert(
    fc.property(fc.integer(), fc.array(step, { maxLength: 400, size: 'max' }), (seed, steps) => {
      const index = new SuppressionIndex(seed);
      const model = new Map<string, SuppressionFacts>();
      for (const { address, remove, streams, expiresAt } of steps) {
        if (remove) assert.equal(index.delete('t', address), model.delete(address));
        else {
          const facts: SuppressionFacts = { reason: 'complaint', streams, expiresAt };
          index.set('t', address, facts);
          model.set(address, facts);
        }
        assert.equal(index.size, model.size);
      }
      for (let n = 0; n <= 150; n++) {
        const facts = model.get(`user${n}@example.com`);
        const applies =
          facts !== undefined &&
          (facts.streams.length === 0 || facts.streams.includes('batch')) &&
          (facts.expiresAt === null || facts.expiresAt > 5_000);
        assert.equal(
          index.find({ tenant: 't', address: `user${n}@example.com`, stream: 'batch' }, 5_000),
          applies ? 'complaint' : undefined,
        );
      }
    }),
    { numRuns: 60 },
  );
});

test('two hundred thousand addresses: none is mistaken for another, within 11 bytes each', () => {
  const index = new SuppressionIndex(7);
  for (let n = 0; n < 200_000; n++) index.set('acme', `user${n}@example${n % 100}.com`, forever);
  assert.equal(index.size, 200_000);
  assert.ok(index.bytes / index.size <= 11, `${index.bytes / index.size} bytes an entry`);
  let mistaken = 0;
  for (let n = 200_000; n < 400_000; n++) {
    if (
      index.find({ tenant: 'acme', address: `user${n}@example${n % 100}.com`, stream: 'batch' }, 0) !==
      undefined
    )
      mistaken++;
  }
  assert.equal(mistaken, 0);
  for (let n = 0; n < 200_000; n += 2) index.delete('acme', `user${n}@example${n % 100}.com`);
  for (let n = 0; n < 2_000; n++) {
    const found = index.find(
      { tenant: 'acme', address: `user${n}@example${n % 100}.com`, stream: 'batch' },
      0,
    );
    assert.equal(found, n % 2 === 0 ? undefined : 'bounce');
  }
});
