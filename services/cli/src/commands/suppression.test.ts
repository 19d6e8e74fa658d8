/** What `millrace suppression` asks of ingest, and how its answers are shown. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { type Answer, answering } from '../answering-server.ts';
import { cliRig } from '../rig.ts';

const row = {
  ...{ address: 'a@example.com', reason: 'complaint', streams: [], list: null, author: 'feedback' },
  ...{ created_at: '2030-01-31T09:00:00.000Z', expires_at: null, note: 'abuse', message_id: null },
};
const lines = (...rows: readonly object[]): Answer => ({
  status: 200,
  headers: { 'content-type': 'application/x-ndjson' },
  body: rows.map((one) => `${JSON.stringify(one)}\n`).join(''),
});

const ran = async (answer: Answer, ...argv: readonly string[]) => {
  await using ingest = await answering(answer);
  using rig = cliRig();
  writeFileSync(join(rig.directory, 'bad.csv'), 'address\na@example.com\n');
  const { code, out, err } = await rig.run('suppression', ...argv, ...ingest.flags);
  const asked = ingest.asked.map(({ method, url, body }) => ({ what: `${method} ${url}`, body }));
  let written = '';
  if (argv[0] === 'export' && argv[1] !== undefined)
    written = readFileSync(join(rig.directory, argv[1]), 'utf8');
  return { code, out, err, asked, written };
};

test('list and search show rows; with --json a line each', async () => {
  const listed = await ran(lines(row), 'search', '@example.com', '--reason', 'complaint');
  assert.equal(listed.code, 0, listed.err);
  assert.equal(
    listed.asked[0]?.what,
    'GET /v1/suppressions?search=%40example.com&reason=complaint&limit=100',
  );
  assert.match(listed.out, /a@example\.com +complaint/);
  const json = await ran(lines(row, row), 'list', '-n', '5', '--json');
  assert.equal(json.out.trim().split('\n').length, 2);
  assert.match((await ran(lines(), 'list')).out, /Nothing is suppressed/);
});

test('add and remove say who, why, how long and for which list', async () => {
  const added = await ran(
    { status: 200, body: { ...row, reason: 'manual' } },
    ...['add', 'a@example.com', '--note', 'asked', '--author', 'ada', '--list', 'news', '--stream', 'batch'],
  );
  assert.equal(added.code, 0, added.err);
  assert.deepEqual(JSON.parse(added.asked[0]?.body ?? ''), {
    ...{ reason: 'manual', note: 'asked', author: 'ada', list: 'news', streams: ['batch'] },
  });
  const removed = await ran({ status: 204, body: '' }, 'remove', '@example.com', '--note', 'mistake');
  assert.equal(removed.asked[0]?.what, 'DELETE /v1/suppressions/%40example.com?note=mistake');
  assert.equal(removed.code, 0, removed.err);
});

test('an import sends the file as it is, and names wrong rows', async () => {
  const answer = {
    status: 200,
    body: { added: 1, refused: 1, errors: [{ line: 3, message: 'address: no' }] },
  };
  const { code, asked, err, out } = await ran(answer, 'import', 'bad.csv');
  assert.equal(asked[0]?.body, 'address\na@example.com\n');
  assert.match(err, /line 3: address: no/);
  assert.match(out, /1 suppressed, 1 refused/);
  assert.equal(code, 1);
  assert.match((await ran(answer, 'import', 'none.csv')).err, /none\.csv/);
});

test('an export writes what comes', async () => {
  const csv: Answer = { status: 200, headers: { 'content-type': 'text/csv' }, body: 'address\r\na@b.c\r\n' };
  assert.equal((await ran(csv, 'export', 'all.csv')).written, 'address\r\na@b.c\r\n');
  assert.match((await ran(csv, 'export')).out, /a@b\.c/);
});

test('the audit shows who, when and why', async () => {
  const change = {
    ...{ change: 'removed', time: '2030-01-31T09:00:00.000Z', list: null, reason: '', author: 'bob' },
    ...{ note: 'a mistake', expires_at: null, message_id: null },
  };
  const { out } = await ran(lines(change), 'audit', 'a@example.com');
  assert.match(out, /removed .*bob +a mistake/);
});
