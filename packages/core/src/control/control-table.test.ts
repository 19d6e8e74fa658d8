import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Control } from './control.ts';
import { inForce } from './control.ts';
import { type ControlFacts, formatScope, parseScope, scopeName, scopeNamesOf } from './control-scope.ts';
import { anyControl, anyFacts, anyLane, anyScope } from './control-specimens.ts';
import { ControlTable } from './control-table.ts';
import { controlRecord, parseControl } from './parse-control.ts';

const tableOf = (controls: readonly Control[]): ControlTable => {
  const table = new ControlTable();
  for (const control of controls)
    assert.equal(table.apply(control.key, controlRecord(control)).kind, 'set', control.key);
  return table;
};

/** The newest of each key, in any order. */
const newest = (controls: readonly Control[]): readonly Control[] => [
  ...new Map(controls.map((control) => [control.key, control])).values(),
];

const covers = (control: Control, facts: ControlFacts): boolean =>
  scopeNamesOf(control.scope.kind, facts).includes(scopeName(control.scope));

test('a scope is what its text says', () => {
  fc.assert(fc.property(anyScope, (scope) => assert.deepEqual(parseScope(formatScope(scope)), scope)));
  for (const text of [
    '',
    'lane:batch/gmail',
    'lane:bulk/gmail/ip1',
    'isp:gmail',
    'isp:batch/',
    'domain:A.test',
    'tenant:',
    'planet:x',
    'source:a b',
  ])
    assert.equal(parseScope(text), undefined, text);
});

test('a control is what its record says', () => {
  fc.assert(
    fc.property(anyControl, (control) => {
      assert.deepEqual(parseControl(control.key, controlRecord(control)), { control });
    }),
  );
});

test('whatever a record holds, it is a control or a problem in words', () => {
  const text = fc.oneof(
    fc.string(),
    fc.constantFrom('suspension', 'cap', 'limits', 'move', 'warmup', 'shaping'),
  );
  fc.assert(
    fc.property(
      text,
      fc.oneof(fc.string(), anyScope.map(formatScope)),
      fc.option(fc.oneof(fc.string(), fc.json())),
      (kind, scope, value) => {
        const record = { kind, scope, value, until: null, reason: '', author: '', set_at: 0 };
        const parsed = parseControl(`${kind}|${scope}`, record);
        if ('problem' in parsed) assert.ok(parsed.problem.length > 0);
        else assert.equal(parsed.control.kind, kind);
      },
    ),
  );
});

test('a table finds what a search through all controls finds, whatever was set, replaced and undone', () => {
  fc.assert(
    fc.property(
      fc.array(anyControl, { maxLength: 30 }),
      fc.array(fc.nat(29), { maxLength: 5 }),
      anyFacts,
      fc.nat(1_000),
      (controls, undone, facts, now) => {
        const table = tableOf(controls);
        const gone = new Set(undone.flatMap((index) => controls[index]?.key ?? []));
        for (const key of gone) table.apply(key, null);
        const left = newest(controls).filter(({ key }) => !gone.has(key));
        const matching = left.filter((control) => inForce(control, now) && covers(control, facts));
        const suspensions = left.flatMap((control) => {
          if (control.kind === 'suspension')
            return matching.includes(control) ? [control.until ?? Number.POSITIVE_INFINITY] : [];
          if (control.kind !== 'warmup' || !matching.includes(control)) return [];
          const { spent, caps, dayEndsAt } = control;
          return (spent.includes(facts.isp) || caps[facts.isp] === 0) && dayEndsAt > now ? [dayEndsAt] : [];
        });
        const longest = Math.max(...suspensions);
        const blocking = table.blocking(facts, now);
        assert.equal(blocking === undefined, suspensions.length === 0);
        if (blocking !== undefined) assert.equal(blocking.until ?? Number.POSITIVE_INFINITY, longest);
        assert.equal(table.dropping(facts, now) === undefined, !matching.some(({ kind }) => kind === 'drop'));
        const moves = matching.filter(({ kind }) => kind === 'move');
        assert.equal(
          table.moveOf(facts, now)?.setAt,
          moves.length === 0 ? undefined : Math.max(...moves.map(({ setAt }) => setAt)),
        );
        assert.equal(table.size, left.length);
        assert.equal(table.list(now).length, left.filter((control) => inForce(control, now)).length);
      },
    ),
  );
});

test('what cannot be read leaves what stood there', () => {
  const table = new ControlTable();
  const key = 'cap|lane:batch/gmail/ip1';
  const record = {
    kind: 'cap',
    scope: 'lane:batch/gmail/ip1',
    until: null,
    reason: '',
    author: '',
    set_at: 0,
    value: '{"connections":1}',
  };
  assert.equal(table.apply(key, record).kind, 'set');
  const refused = table.apply(key, { ...record, value: '{"conections":1}' });
  assert.ok(refused.kind === 'refused' && refused.problem.includes('conections'));
  const [limits] = table.limitChangesOf(
    { stream: 'batch', isp: 'gmail', site: 'mx', source: 'ip1' },
    0,
  ).inForce;
  assert.equal(limits?.changes.connections, 1);
});

test('the limits of a lane say the same until the moment that they announce', () => {
  fc.assert(
    fc.property(fc.array(anyControl), anyLane, fc.nat(1_000), fc.nat(1_000), (controls, lane, now, later) => {
      const table = tableOf(controls);
      const { inForce: limits, nextChangeAt } = table.limitChangesOf(lane, now);
      fc.pre(later >= now && later < (nextChangeAt ?? Number.POSITIVE_INFINITY));
      assert.deepEqual(table.limitChangesOf(lane, later).inForce, limits);
    }),
  );
});

test('sweeping forgets what is over and nothing else', () => {
  fc.assert(
    fc.property(fc.array(anyControl), anyFacts, fc.nat(1_000), (controls, facts, now) => {
      const table = tableOf(controls);
      const before = table.blocking(facts, now);
      const over = table.sweep(now);
      assert.ok(over.every((control) => !inForce(control, now)));
      assert.equal(table.size, newest(controls).filter((control) => inForce(control, now)).length);
      assert.deepEqual(table.blocking(facts, now), before);
    }),
  );
});
