import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type Rig, startRig, until } from '../ingest-rig.ts';

let rig: Rig;
before(async () => {
  rig = await startRig({ smtp: { enabled: false } });
  await rig.ready();
});
after(() => rig[Symbol.asyncDispose]());

interface Shown {
  readonly id: string;
  readonly version: number;
  readonly language: string;
  readonly subject: string;
  readonly html: string | null;
  readonly headers: Readonly<Record<string, string>>;
  readonly versions: readonly number[];
}
interface ProblemBody {
  readonly type: string;
  readonly errors: readonly { readonly field: string; readonly message: string }[];
}

const shownOf = async (response: Response): Promise<Shown> => {
  assert.equal(response.status, 200, await response.clone().text());
  return JSON.parse(await response.text());
};
const problemOf = async (response: Response): Promise<ProblemBody> => {
  assert.equal(response.status, 422);
  return JSON.parse(await response.text());
};
const put = (id: string, body: object) => rig.call('PUT', `/v1/templates/${id}`, { body });
const get = (path: string, key: 'full' | 'other' = 'full') =>
  rig.call('GET', `/v1/templates/${path}`, { key });
const send = (template: unknown, key: 'full' | 'other' = 'full') =>
  rig.call('POST', '/v1/messages', {
    body: {
      from: key === 'full' ? 'ada@acme.example' : 'eve@umbrella.example',
      to: ['bob@gmail.com'],
      template,
    },
    key,
  });

describe('a template', () => {
  test('is kept by version, and every version stays readable', async () => {
    const first = await shownOf(await put('welcome', { subject: 'Hello {{ name }}', text: 'x' }));
    assert.deepEqual([first.version, first.language, first.versions], [1, 'liquid', [1]]);
    const second = await shownOf(
      await put('welcome', {
        language: 'handlebars',
        subject: 'Hi {{name}}',
        html: '<p>{{name}}',
        headers: { 'X-A': '{{a}}' },
      }),
    );
    assert.deepEqual([second.version, second.versions], [2, [1, 2]]);
    const newest = await shownOf(await get('welcome'));
    assert.deepEqual([newest.subject, newest.headers], ['Hi {{name}}', { 'X-A': '{{a}}' }]);
    assert.equal((await shownOf(await get('welcome/versions/1'))).subject, 'Hello {{ name }}');
    const list: { templates: readonly { id: string; version: number }[] } = JSON.parse(
      await (await rig.call('GET', '/v1/templates')).text(),
    );
    assert.equal(list.templates.find(({ id }) => id === 'welcome')?.version, 2);
  });

  test('is pinned in the record: the newest version at acceptance, or the one that was asked for', async () => {
    await put('pinned', { subject: 'one', text: 'x' });
    await put('pinned', { subject: 'two', text: 'x' });
    for (const [asked, version] of [
      ['pinned', 2],
      [{ id: 'pinned', version: 1 }, 1],
    ] as const) {
      const { request_id: id }: { request_id: string } = JSON.parse(await (await send(asked)).text());
      const record = (await rig.requests()).find(({ value }) => value.request_id === id);
      assert.deepEqual([record?.value.template_id, record?.value.template_version], ['pinned', version]);
    }
    assert.equal(
      (await problemOf(await send({ id: 'pinned', version: 9 }))).type,
      'urn:millrace:problem:unknown-template',
    );
  });

  const broken: readonly (readonly [string, object, string, RegExp])[] = [
    ['Liquid', { subject: 'x', text: 'a\nb {% if x %}' }, 'text', /^line 2/],
    [
      'Liquid with a filter that is not there',
      { subject: '{{ a | nothing }}', text: 'x' },
      'subject',
      /nothing/,
    ],
    ['Handlebars', { language: 'handlebars', subject: 'x', html: '{{#if a}}' }, 'html', /line/i],
    ['a header field', { subject: 'x', text: 'x', headers: { 'X-A': '{{ ' } }, 'headers.X-A', /./],
  ];
  for (const [what, body, field, message] of broken) {
    test(`is not stored when it does not compile: ${what}`, async () => {
      const problem = await problemOf(await put('broken', body));
      assert.equal(problem.type, 'urn:millrace:problem:invalid-template');
      assert.equal(problem.errors[0]?.field, field);
      assert.match(problem.errors[0]?.message ?? '', message);
      assert.equal((await get('broken')).status, 404);
    });
  }

  test('belongs to its tenant', async () => {
    await put('mine', { subject: 'x', text: 'x' });
    assert.equal((await get('mine', 'other')).status, 404);
    assert.equal((await send('mine', 'other')).status, 422);
  });

  test('that was deleted takes no new message; a new version goes on counting', async () => {
    await put('gone', { subject: 'x', text: 'x' });
    assert.equal((await rig.call('DELETE', '/v1/templates/gone')).status, 204);
    assert.equal((await get('gone')).status, 404);
    assert.equal((await send('gone')).status, 422);
    assert.equal((await get('gone/versions/1')).status, 404);
    assert.equal((await shownOf(await put('gone', { subject: 'y', text: 'x' }))).version, 3);
  });

  test('gets one number for each of many writes at once', async () => {
    const versions = await Promise.all(
      Array.from(
        { length: 8 },
        async () => (await shownOf(await put('busy', { subject: 'x', text: 'x' }))).version,
      ),
    );
    assert.deepEqual(new Set(versions), new Set([1, 2, 3, 4, 5, 6, 7, 8]));
  });

  test('that another process stored is found at once, and suppressions are seen everywhere', async () => {
    await using second = await startRig({ installation: rig.installation, smtp: { enabled: false } });
    await second.ready();
    assert.equal(
      (await second.call('PUT', '/v1/templates/elsewhere', { body: { subject: 'x', text: 'x' } })).status,
      200,
    );
    assert.equal((await send('elsewhere')).status, 202);
    assert.equal((await second.call('PUT', '/v1/suppressions/Eve@Yahoo.com')).status, 200);
    await until(
      'the suppression',
      async () => (await rig.call('GET', '/v1/suppressions/eve@yahoo.com')).status === 200,
    );
    assert.equal((await second.call('DELETE', '/v1/suppressions/eve@yahoo.com')).status, 204);
    await until(
      'its end',
      async () => (await rig.call('GET', '/v1/suppressions/eve@yahoo.com')).status === 404,
    );
  });
});
