import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { assignPartitions, type GroupMember, type TopicPartition } from './assigner.ts';

const range = (count: number): number[] => Array.from({ length: count }, (_, index) => index);
const unlimited = (): number => Number.POSITIVE_INFINITY;
const count = (own: readonly TopicPartition[] | undefined, topic: string): number =>
  (own ?? []).filter((one) => one.topic === topic).length;

test('two members share each topic equally', () => {
  const members: GroupMember[] = ['a', 'b'].map((id) => ({ id, topics: ['x', 'y'], owned: [] }));
  const assigned = assignPartitions(members, {
    partitions: new Map([
      ['x', range(4)],
      ['y', range(4)],
    ]),
    maxMembers: unlimited,
  });
  for (const id of ['a', 'b'])
    for (const topic of ['x', 'y']) assert.equal(count(assigned.get(id), topic), 2);
});

test('no more members than allowed share a topic', () => {
  const members: GroupMember[] = range(8).map((id) => ({ id: `m${id}`, topics: ['x'], owned: [] }));
  const assigned = assignPartitions(members, {
    partitions: new Map([['x', range(12)]]),
    maxMembers: () => 5,
  });
  assert.equal([...assigned.values()].filter((own) => own.length > 0).length, 5);
});

test('a member that joins takes its share, and everything else stays where it is', () => {
  const owned = range(4).map((partition) => ({ topic: 'x', partition }));
  const assigned = assignPartitions(
    [
      { id: 'new', topics: ['x'], owned: [] },
      { id: 'old', topics: ['x'], owned },
    ],
    { partitions: new Map([['x', range(4)]]), maxMembers: unlimited },
  );
  assert.deepEqual(
    assigned.get('old')?.map((one) => one.partition),
    [0, 1],
  );
  assert.deepEqual(
    assigned.get('new')?.map((one) => one.partition),
    [2, 3],
  );
});

test('every partition that somebody subscribes to has exactly one reader, who subscribes to it, evenly', () => {
  const topic = fc.constantFrom('a', 'b', 'c', 'd');
  const member = fc.record({
    topics: fc.uniqueArray(topic, { minLength: 1 }),
    owned: fc.array(fc.record({ topic, partition: fc.integer({ min: 0, max: 15 }) }), { maxLength: 20 }),
  });
  fc.assert(
    fc.property(
      fc.array(member, { minLength: 1, maxLength: 8 }),
      fc.dictionary(topic, fc.integer({ min: 1, max: 12 })),
      fc.integer({ min: 1, max: 9 }),
      (given, sizes, most) => {
        const members = given.map((one, index) => ({ ...one, id: `m${index}` }));
        const partitions = new Map(Object.entries(sizes).map(([name, size]) => [name, range(size)]));
        const assigned = assignPartitions(members, { partitions, maxMembers: () => most });
        for (const [name, ids] of partitions) {
          const subscribers = members.filter((one) => one.topics.some((topicOfIts) => topicOfIts === name));
          const readers = [...assigned].filter(([, own]) => count(own, name) > 0);
          const read = readers.flatMap(([, own]) => own.filter((one) => one.topic === name));
          assert.deepEqual(
            read.map((one) => one.partition).sort((a, b) => a - b),
            subscribers.length === 0 ? [] : ids,
          );
          assert.ok(readers.length <= most);
          assert.ok(readers.every(([id]) => subscribers.some((one) => one.id === id)));
          const counts = readers.map(([, own]) => count(own, name));
          if (counts.length > 0)
            assert.ok(
              Math.max(...counts) <= Math.ceil(ids.length / Math.min(most, subscribers.length, ids.length)),
            );
        }
      },
    ),
  );
});
