import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { FlowBudget, type PartitionFlow } from './flow-budget.ts';

const limits = { together: 20, ofPartition: 4 };

/** Hands out as many as there is room for. Their turns. */
const fill = (flow: PartitionFlow): number[] => {
  const turns: number[] = [];
  while (flow.hasRoom) turns.push(flow.took());
  flow.paused();
  return turns;
};

test('one partition may have all of it, and every other one its own part beside that', () => {
  const budget = new FlowBudget(limits);
  assert.equal(fill(budget.open()).length, limits.together);
  assert.equal(fill(budget.open()).length, limits.ofPartition);
  assert.equal(fill(budget.open()).length, limits.ofPartition);
  assert.equal(budget.onTheirWay, limits.together + 2 * limits.ofPartition);
});

test('it is low when half of what was handed out has finished', () => {
  const budget = new FlowBudget(limits);
  const flow = budget.open();
  const turns = fill(flow);
  for (const turn of turns.slice(0, 9)) flow.finished(turn);
  assert.ok(!flow.isLow);
  flow.finished(turns[9] ?? 0);
  assert.ok(flow.isLow);
});

test('what does not finish is not counted after four turns, and counts nothing when it finishes then', () => {
  const budget = new FlowBudget(limits);
  const flow = budget.open();
  const turns = fill(flow);
  for (let turn = 0; turn < 3; turn += 1) budget.nextTurn();
  assert.ok(!flow.hasRoom);
  budget.nextTurn();
  assert.equal(budget.onTheirWay, 0);
  assert.equal(fill(flow).length, limits.together);
  for (const turn of turns) flow.finished(turn);
  assert.equal(budget.onTheirWay, limits.together);
});

test('whatever happens, what counts is what was handed out within four turns, has not finished and is still ours', () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant('took' as const), of: fc.nat(2) }),
    fc.record({ kind: fc.constant('finished' as const), which: fc.nat(200) }),
    fc.record({ kind: fc.constant('turn' as const) }),
    fc.record({ kind: fc.constant('lost' as const), of: fc.nat(2) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const budget = new FlowBudget(limits);
      const flows = [budget.open(), budget.open(), budget.open()];
      const out: { flow: PartitionFlow; turn: number; done: boolean }[] = [];
      const ours = new Set(flows);
      for (const one of steps) {
        if (one.kind === 'turn') budget.nextTurn();
        else if (one.kind === 'finished') {
          const record = out[one.which];
          if (record === undefined || record.done) continue;
          record.done = true;
          record.flow.finished(record.turn);
        } else {
          const flow = flows[one.of];
          if (flow === undefined || !ours.has(flow)) continue;
          if (one.kind === 'lost') {
            ours.delete(flow);
            budget.close(flow);
          } else if (flow.hasRoom) out.push({ flow, turn: flow.took(), done: false });
        }
        const counted = out.filter(
          ({ flow, turn, done }) => !done && ours.has(flow) && turn > budget.turn - 4,
        );
        assert.equal(budget.onTheirWay, counted.length);
        assert.ok(counted.length <= limits.together + limits.ofPartition * (flows.length - 1));
      }
    }),
  );
});
