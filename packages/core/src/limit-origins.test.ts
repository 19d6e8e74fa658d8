import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { limitOrigins } from './limit-origins.ts';
import { builtInLimits, limitsOf, type Shaping, type ShapingLayer } from './shaping.ts';

const lane = { stream: 'batch', isp: 'gmail', site: 'aspmx', source: 'ip1' } as const;

const layer: fc.Arbitrary<ShapingLayer> = fc.record({
  limits: fc.record({ connections: fc.nat(), idleMs: fc.nat() }, { requiredKeys: [] }),
  streams: fc.record(
    {
      batch: fc.record({ connections: fc.nat() }, { requiredKeys: [] }),
      realtime: fc.record({ idleMs: fc.nat() }, { requiredKeys: [] }),
    },
    { requiredKeys: [] },
  ),
});
const shaping: fc.Arbitrary<Shaping> = fc
  .record({ default: layer, isp: layer, site: layer, source: layer })
  .map((layers) => ({
    default: layers.default,
    isps: new Map([['gmail', layers.isp]]),
    sites: new Map([['aspmx', layers.site]]),
    domains: new Map(),
    messageLimits: [],
    sources: new Map([['ip1', layers.source]]),
  }));

const at = (shaped: Shaping, [kind, name]: readonly string[]): ShapingLayer | undefined => {
  if (kind === 'default') return shaped.default;
  if (kind === 'isps') return shaped.isps.get('gmail');
  return kind === 'sites' ? shaped.sites.get(name ?? '') : shaped.sources.get(name ?? '');
};

test('each limit is the one that its origin says, and built in where it has none', () => {
  fc.assert(
    fc.property(shaping, (shaped) => {
      const limits = limitsOf(shaped, lane);
      const origins = limitOrigins(shaped, lane);
      for (const name of ['connections', 'idleMs', 'tls'] as const) {
        const origin = origins.get(name);
        if (origin === undefined) {
          assert.equal(limits[name], builtInLimits[name]);
          continue;
        }
        const found = at(shaped, origin);
        const said = origin.includes('streams') ? found?.streams.batch : found?.limits;
        assert.equal(said?.[name], limits[name]);
      }
    }),
  );
});

test('time limits have origins one by one; the other stream has no say', () => {
  const origins = limitOrigins(
    {
      default: { limits: { timeouts: { dataMs: 1, dotMs: 1 } }, streams: { realtime: { connections: 1 } } },
      isps: new Map([['gmail', { limits: {}, streams: { batch: { timeouts: { dotMs: 2 } } } }]]),
      sites: new Map(),
      domains: new Map(),
      messageLimits: [],
      sources: new Map(),
    },
    lane,
  );
  assert.deepEqual(
    [...origins],
    [
      ['timeouts.dataMs', ['default']],
      ['timeouts.dotMs', ['isps', 'gmail', 'streams', 'batch']],
    ],
  );
});
