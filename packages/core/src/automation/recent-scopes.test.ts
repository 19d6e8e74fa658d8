import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type ControlScope, formatScope } from '../control/control-scope.ts';
import { RecentScopes } from './recent-scopes.ts';

const most = 4;
const kinds = ['tenant', 'campaign', 'pool', 'source', 'isp'] as const;
type Kind = (typeof kinds)[number];
const scopeOf = (kind: Kind, name: string, tenant: string): ControlScope => {
  if (kind === 'campaign') return { kind, tenant, name };
  return kind === 'isp' ? { kind, stream: 'batch', site: name } : { kind, name };
};

test('by name or as it is a scope is the same; of more than the bound the one seen longest ago begins anew', () => {
  const names = fc.constantFrom('a', 'b', 'c');
  const sight = fc.record({
    does: fc.constantFrom('named', 'named', 'named', 'of', 'forget'),
    kind: fc.constantFrom(...kinds, 'campaign' as const),
    name: names,
    tenant: names,
  });
  fc.assert(
    fc.property(fc.array(sight, { maxLength: 100, size: 'max' }), (sights) => {
      let made = 0;
      const scopes = new RecentScopes(most, (scope) => {
        made += 1;
        return `${formatScope(scope)} ${made}`;
      });
      /** In the order of when they were last seen. */
      let expected: string[] = [];
      for (const { does, kind, name, tenant } of sights) {
        const scope = scopeOf(kind, name, tenant);
        const known = expected.find((one) => one.startsWith(`${formatScope(scope)} `));
        expected = expected.filter((one) => one !== known);
        if (does === 'forget') scopes.forget(scope);
        else {
          const next = known ?? `${formatScope(scope)} ${made + 1}`;
          const found = does === 'of' ? scopes.of(scope) : scopes.named(kind, name, tenant);
          assert.equal(found, next);
          expected = [...expected, next].slice(-most);
        }
        assert.deepEqual([...scopes.values()], expected);
      }
    }),
  );
});
