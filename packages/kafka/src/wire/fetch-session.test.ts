import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type FetchPlan, FetchSession, type WantedPartition } from './fetch-session.ts';

const at = (topic: string, partition: number, offset: number): WantedPartition => ({
  topic,
  partition,
  offset,
});
const named = (plan: FetchPlan): readonly string[] =>
  plan.wanted.map(({ topic, partition, offset }) => `${topic}/${partition}@${offset}`).sort();

test('the first request names everything, the next ones what moved, came or went', () => {
  const session = new FetchSession();
  const first = session.next([at('a', 0, 5), at('a', 1, 7), at('b', 0, 0)]);
  assert.deepEqual([first.sessionId, first.epoch, named(first)], [0, 0, ['a/0@5', 'a/1@7', 'b/0@0']]);
  session.answered(42);

  const same = session.next([at('a', 0, 5), at('a', 1, 7), at('b', 0, 0)]);
  assert.deepEqual([same.sessionId, same.epoch, same.wanted, same.forgotten], [42, 1, [], []]);
  session.answered(42);

  const moved = session.next([at('a', 0, 5), at('a', 1, 9), at('c', 0, 1)]);
  assert.deepEqual([moved.epoch, named(moved)], [2, ['a/1@9', 'c/0@1']]);
  assert.deepEqual(
    moved.forgotten.map(({ topic, partition }) => [topic, partition]),
    [['b', 0]],
  );
  session.answered(42);

  const back = session.next([at('a', 0, 5), at('a', 1, 9), at('b', 0, 0), at('c', 0, 1)]);
  assert.deepEqual([named(back), back.forgotten], [['b/0@0'], []]);
});

test('without an answer the session is begun anew, and the old one ended by its id', () => {
  const session = new FetchSession();
  session.next([at('a', 0, 5)]);
  session.answered(42);
  session.next([at('a', 0, 6)]);
  session.restart();
  const again = session.next([at('a', 0, 6)]);
  assert.deepEqual([again.sessionId, again.epoch, named(again)], [42, 0, ['a/0@6']]);
  session.answered(43);
  assert.equal(session.next([at('a', 0, 6)]).epoch, 1);

  session.forgottenByBroker();
  const fresh = session.next([at('a', 0, 6)]);
  assert.deepEqual([fresh.sessionId, fresh.epoch, named(fresh)], [0, 0, ['a/0@6']]);
});

test('a broker that keeps no session is told everything each time, beginning elsewhere each time', () => {
  const session = new FetchSession();
  const wanted = [at('a', 0, 1), at('a', 1, 2), at('b', 0, 3)];
  const firsts = [1, 2, 3].map(() => {
    const plan = session.next(wanted);
    session.answered(0);
    assert.deepEqual([plan.epoch, named(plan)], [0, ['a/0@1', 'a/1@2', 'b/0@3']]);
    return plan.wanted[0];
  });
  assert.equal(new Set(firsts).size, 3);
});

test('whatever is wanted and whatever is lost, broker and consumer agree on what is read from where', () => {
  const partition = fc.record({ topic: fc.constantFrom('a', 'b'), partition: fc.nat(2), offset: fc.nat(3) });
  const wanted = fc.uniqueArray(partition, { selector: ({ topic, partition: id }) => `${topic}/${id}` });
  const outcome = fc.constantFrom('answered', 'lost on the way', 'lost on the way back', 'forgotten');
  fc.assert(
    fc.property(fc.array(fc.tuple(wanted, outcome)), (steps) => {
      const session = new FetchSession();
      let broker = { id: 0, epoch: 0, partitions: new Map<string, number>() };
      let ids = 0;
      for (const [partitions, how] of steps) {
        const plan = session.next(partitions);
        if (how === 'lost on the way') {
          session.restart();
          continue;
        }
        if (how === 'forgotten') broker = { id: 0, epoch: 0, partitions: new Map() };
        if (plan.epoch === 0) {
          ids += 1;
          broker = { id: ids, epoch: 0, partitions: new Map() };
        } else if (plan.sessionId !== broker.id) {
          session.forgottenByBroker();
          continue;
        }
        assert.equal(plan.epoch, broker.epoch);
        broker.epoch += 1;
        for (const { topic, partition: id } of plan.forgotten)
          assert.ok(broker.partitions.delete(`${topic}/${id}`));
        for (const { topic, partition: id, offset } of plan.wanted)
          broker.partitions.set(`${topic}/${id}`, offset);
        const expected = partitions.map(({ topic, partition: id, offset }) => [`${topic}/${id}`, offset]);
        assert.deepEqual(
          new Map([...broker.partitions].sort()),
          new Map(Array.from(expected, ([k, v]) => [String(k), Number(v)] as const).sort()),
        );
        if (how === 'answered') session.answered(broker.id);
        else session.restart();
      }
    }),
  );
});
