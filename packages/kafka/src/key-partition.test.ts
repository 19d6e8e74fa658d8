import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Partitioners } from 'kafkajs';
import { partitionOfKey } from './key-partition.ts';

const kafkajsPartition = (key: string | Buffer, partitions: number): number =>
  Partitioners.DefaultPartitioner()({
    topic: 'x',
    message: { key, value: null },
    partitionMetadata: Array.from({ length: partitions }, (_, partitionId) => ({
      partitionErrorCode: 0,
      partitionId,
      leader: 1,
      replicas: [1],
      isr: [1],
    })),
  });

test('keys of any length and bytes are where kafkajs puts them', () => {
  const bytes = fc.uint8Array({ maxLength: 40 }).map((array) => Buffer.from(array));
  fc.assert(
    fc.property(
      fc.oneof(bytes, fc.string({ unit: 'grapheme' })),
      fc.integer({ min: 1, max: 60 }),
      (key, count) => assert.equal(partitionOfKey(key, count), kafkajsPartition(key, count)),
    ),
    { numRuns: 2_000 },
  );
});

test('and where the Java client puts them', () => {
  // From Apache Kafka's UtilsTest.testMurmur2: 21 is hashed to -973932308, foobar to -790332482.
  const most = 0x7fffffff;
  assert.equal(partitionOfKey('21', most), -973932308 & 0x7fffffff);
  assert.equal(partitionOfKey('foobar', most), -790332482 & 0x7fffffff);
});
