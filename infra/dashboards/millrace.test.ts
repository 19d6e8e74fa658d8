import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { glob } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { root } from '../installation.ts';

interface Panel {
  readonly id: number;
  readonly title: string;
  readonly type: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly targets?: readonly { readonly expr: string; readonly legendFormat: string }[];
}

const dashboard: { readonly panels: readonly Panel[] } = JSON.parse(
  readFileSync(join(import.meta.dirname, 'millrace.json'), 'utf8'),
);
const queries = dashboard.panels.flatMap(({ title, targets = [] }) =>
  targets.map(({ expr }) => ({ title, expr })),
);

/** Names of the metrics in a query, as Prometheus has them without the unit. */
const metricsIn = (expr: string): string[] =>
  [
    ...expr.matchAll(
      /\b((?:millrace|process|nodejs|http_server)_[a-z0-9_]+?)(?:\(_[a-z]+\)\?)?(?:_(?:total|bucket))?(?=["{)\s[]|$)/g,
    ),
  ]
    .map(([, name = '']) => name)
    .filter((name) => !labels.has(name));

/** Labels that begin as metrics do. */
const labels = new Set([
  'millrace_stream',
  'millrace_isp',
  'millrace_category',
  'millrace_outcome',
  'millrace_outcome_category',
  'millrace_lane_state',
  'millrace_session_state',
  'millrace_via',
]);

async function sources(): Promise<string> {
  const texts: string[] = [];
  for await (const file of glob('{packages,services}/*/src/**/*.ts', { cwd: root }))
    if (!file.endsWith('.test.ts')) texts.push(readFileSync(join(root, file), 'utf8'));
  return texts.join('\n');
}

test('every metric and every label of the dashboard is one that a service has', async () => {
  const text = await sources();
  const inCode = new Set(
    [...text.matchAll(/'([a-z0-9]+(?:[._][a-z0-9]+)+)'/g)].map(([, name = '']) => name.replaceAll('.', '_')),
  );
  assert.ok(queries.length > 20);
  for (const { title, expr } of queries) {
    const metrics = metricsIn(expr);
    assert.ok(metrics.length > 0, `${title}: no metric in ${expr}`);
    for (const name of metrics) assert.ok(inCode.has(name), `${title}: no service has ${name}`);
  }
  for (const label of labels) assert.ok(inCode.has(label), `no service has the label ${label}`);
});

test('every counter of ours is on the dashboard', async () => {
  const instruments = [
    ...(await sources()).matchAll(/(?:create[A-Z]\w+|counter|gauge)\(\s*'(millrace\.[a-z0-9._]+)'/g),
  ].map(([, name = '']) => name.replaceAll('.', '_'));
  const shown = new Set(queries.flatMap(({ expr }) => metricsIn(expr)));
  const known = new Set([
    // Said by another one: routed by outcome, cached domains, what waits inside a process.
    'millrace_routing_messages',
    'millrace_routing_dns_cache_size',
    'millrace_suppression_entries',
    'millrace_delivery_attempts',
    'millrace_delivery_in_flight',
    'millrace_ingest_receiving',
    'millrace_ingest_ready',
  ]);
  assert.ok(instruments.length > 10);
  assert.deepEqual(
    instruments.filter((name) => !shown.has(name) && !known.has(name)),
    [],
  );
});

test('panels have numbers of their own and do not overlap', () => {
  const ids = dashboard.panels.map(({ id }) => id);
  assert.equal(new Set(ids).size, ids.length);
  const cells = new Set<string>();
  for (const { title, gridPos } of dashboard.panels)
    for (let x = gridPos.x; x < gridPos.x + gridPos.w; x += 1)
      for (let y = gridPos.y; y < gridPos.y + gridPos.h; y += 1) {
        assert.ok(x < 24 && !cells.has(`${x},${y}`), `${title} lies on another panel`);
        cells.add(`${x},${y}`);
      }
});
