import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type Call, type Rig, startRig } from '../ingest-rig.ts';

let rig: Rig;
before(async () => {
  rig = await startRig({ smtp: { enabled: false } });
  await rig.ready();
});
after(() => rig[Symbol.asyncDispose]());

interface Row {
  readonly address: string;
  readonly reason: string;
  readonly list: string | null;
  readonly author: string;
  readonly note: string | null;
}
interface Change {
  readonly change: string;
  readonly list: string | null;
  readonly reason: string;
  readonly author: string;
  readonly note: string | null;
}

const textOf = async (path: string, more: Call = {}): Promise<string> => {
  const answer = await rig.call('GET', path, more);
  const text = await answer.text();
  assert.equal(answer.status, 200, text);
  return text;
};
const linesOf = async (path: string): Promise<unknown[]> =>
  (await textOf(path))
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));
const rowsOf = (query = ''): Promise<Row[]> => linesOf(`/v1/suppressions${query}`) as Promise<Row[]>;
const put = (address: string, body: object = {}) =>
  rig.call('PUT', `/v1/suppressions/${encodeURIComponent(address)}`, { body });
const importOf = async (body: string) => {
  const answer = await rig.call('POST', '/v1/suppressions.csv', {
    body,
    headers: { 'content-type': 'text/csv' },
  });
  return { status: answer.status, value: JSON.parse(await answer.text()) };
};

test('each entry is listed once, as it is now, however often it was written; what is removed is not', async () => {
  await put('a@one.example', { reason: 'bounce', note: 'first' });
  await put('a@one.example', { reason: 'complaint', note: 'second' });
  await put('b@one.example', { reason: 'unsubscribe', list: 'news' });
  await put('c@one.example');
  await rig.call('DELETE', '/v1/suppressions/c@one.example');
  const rows = await rowsOf('?search=@one.example');
  assert.deepEqual(rows.map(({ address, reason, list, note }) => [address, reason, list, note]).sort(), [
    ['a@one.example', 'complaint', null, 'second'],
    ['b@one.example', 'unsubscribe', 'news', null],
  ]);
  assert.deepEqual(
    (await rowsOf('?reason=unsubscribe')).map(({ address }) => address),
    ['b@one.example'],
  );
  assert.equal((await rowsOf('?search=one.example&limit=1')).length, 1);
});

test('an entry of a list applies to that list, and is removed by its list', async () => {
  await put('list@two.example', { reason: 'unsubscribe', list: 'weekly news', streams: ['batch'] });
  const of = (list: string) => rig.call('GET', `/v1/suppressions/list@two.example${list}`);
  assert.equal((await of('')).status, 404);
  assert.equal((await of('?list=offers')).status, 404);
  assert.equal((await of('?list=weekly%20news')).status, 200);
  await rig.call('DELETE', '/v1/suppressions/list@two.example');
  assert.equal((await of('?list=weekly%20news')).status, 200);
  await rig.call('DELETE', '/v1/suppressions/list@two.example?list=weekly%20news');
  assert.equal((await of('?list=weekly%20news')).status, 404);
});

test('the changes of an address say who, when and why, of every list', async () => {
  await put('audit@three.example', { reason: 'manual', note: 'asked by phone', author: 'ada' });
  await put('audit@three.example', { list: 'news' });
  await rig.call('DELETE', '/v1/suppressions/audit@three.example?note=a%20mistake&author=bob');
  const changes = (await linesOf('/v1/suppressions/audit@three.example/changes')) as Change[];
  assert.deepEqual(
    changes.map(({ change, list, author, note }) => [change, list, author, note]),
    [
      ['added', null, 'ada', 'asked by phone'],
      ['added', 'news', 'full', null],
      ['removed', null, 'bob', 'a mistake'],
    ],
  );
});

test('what was exported can be imported, and says the same', async () => {
  await put('plain@four.example', { reason: 'bounce', note: 'he said "no", twice\nand meant it' });
  await put('@four.example', { reason: 'manual', streams: ['batch'], list: '*' });
  await put('=1+1@four.example', { note: '=HYPERLINK("x")' });
  const csv = await textOf('/v1/suppressions.csv?search=four.example');
  assert.match(csv, /^address,reason,streams,list,created_at,/);
  for (const address of ['plain@four.example', '=1+1@four.example'])
    await rig.call('DELETE', `/v1/suppressions/${encodeURIComponent(address)}`);
  await rig.call('DELETE', '/v1/suppressions/@four.example?list=*');
  assert.deepEqual(await rowsOf('?search=four.example'), []);
  const { status, value } = await importOf(csv);
  assert.equal(status, 200);
  assert.deepEqual([value.added, value.refused], [3, 0]);
  const rows = await rowsOf('?search=four.example');
  assert.deepEqual(rows.map(({ address, list }) => [address, list]).sort(), [
    ['=1+1@four.example', null],
    ['@four.example', '*'],
    ['plain@four.example', null],
  ]);
  assert.equal(
    rows.find(({ address }) => address === 'plain@four.example')?.note,
    'he said "no", twice\nand meant it',
  );
});

test('a wrong row is named by its line and the others are taken; addresses alone need no heading', async () => {
  const first = await importOf('Email;x,Reason\n');
  assert.equal(first.status, 422);
  const { status, value } = await importOf(
    '\ufeffReason,Address\r\nbounce,good@five.example\r\nnone,bad@five.example\r\nbounce,nobody\r\n',
  );
  assert.equal(status, 200);
  assert.deepEqual([value.added, value.refused], [1, 2]);
  assert.deepEqual(
    value.errors.map(({ line }: { line: number }) => line),
    [3, 4],
  );
  assert.match(value.errors[0].message, /^reason: must be manual/);
  const plain = await importOf('x@six.example\ny@six.example\n');
  assert.deepEqual([plain.value.added, plain.value.refused], [2, 0]);
  assert.equal((await rowsOf('?search=@six.example')).length, 2);
});

test('a caller sees the entries of its own tenant', async () => {
  await put('mine@seven.example');
  const other = await textOf('/v1/suppressions', { key: 'other' });
  assert.equal(other, '');
});
