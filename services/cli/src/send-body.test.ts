import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CliError } from './cli-error.ts';
import { type SendFlags, sendBodyOf } from './send-body.ts';

const now = Date.parse('2030-01-31T12:00:00Z');
const files: Readonly<Record<string, string>> = {
  'order.eml': 'From: shop@acme.example\nTo: ada@gmail.com\nSubject: Hi\n\nHello\n',
  'nobody.eml': 'From: shop@acme.example\n\nHello\n',
  'variables.json': '{"name":"Ada","order":{"id":4711}}',
  'list.json': '[1]',
  'broken.json': '{',
  'page.html': '<p>Hi</p>',
  'dir/invoice.pdf': '%PDF',
};
const body = (flags: Partial<SendFlags>) =>
  sendBodyOf(
    { to: [], attach: [], header: [], var: [], tag: [], metadata: [], ...flags },
    { now, read: async (name) => Buffer.from(files[name] ?? assert.fail(`${name} is not there`)) },
  );
const from = 'shop@acme.example';
const to = ['ada@gmail.com'];
const rejects = (flags: Partial<SendFlags>, message: RegExp) =>
  assert.rejects(body(flags), (error) => {
    assert.ok(error instanceof CliError);
    assert.equal(error.ending, 'usage');
    assert.match(error.message, message);
    return true;
  });

test('subject and bodies become composed content, files are attached with their type', async () => {
  const made = await body({
    ...{ from, to, subject: 'Hi', text: 'Hello', htmlFile: 'page.html', attach: ['dir/invoice.pdf'] },
    ...{
      header: ['X-Order: 47:11'],
      replyTo: 'help@acme.example',
      tag: ['a', 'b'],
      metadata: ['order=4711=x'],
    },
    ...{ stream: 'realtime', category: 'receipt', sendAt: '10m', expiresAt: '2030-02-01T00:00:00Z' },
  });
  assert.deepEqual(made, {
    from,
    to,
    subject: 'Hi',
    text: 'Hello',
    html: '<p>Hi</p>',
    attachments: [
      {
        filename: 'invoice.pdf',
        content_type: 'application/pdf',
        content: Buffer.from('%PDF').toString('base64'),
      },
    ],
    headers: { 'X-Order': '47:11' },
    reply_to: 'help@acme.example',
    tags: ['a', 'b'],
    metadata: { order: '4711=x' },
    stream: 'realtime',
    category: 'receipt',
    send_at: '2030-01-31T12:10:00.000Z',
    expires_at: '2030-02-01T00:00:00Z',
  });
});

test('a template takes its variables from a file, and flags over it', async () => {
  const made = await body({
    ...{ from, to, template: 'welcome@3', variables: 'variables.json', var: ['name=Grace', 'code=12=34'] },
  });
  assert.deepEqual(made, {
    from,
    to,
    template: { id: 'welcome', version: 3 },
    variables: { name: 'Grace', order: { id: 4711 }, code: '12=34' },
  });
  assert.equal((await body({ from, to, template: 'welcome' })).template, 'welcome');
});

test('a whole message goes as its bytes, to its own recipients unless others are named', async () => {
  const made = await body({ eml: 'order.eml' });
  assert.deepEqual(made, { to, raw_base64: Buffer.from(files['order.eml'] ?? '').toString('base64') });
  assert.deepEqual((await body({ eml: 'order.eml', to: ['eve@aol.com'] })).to, ['eve@aol.com']);
});

test('what does not go together, or is missing, is said before anything is sent', async () => {
  await rejects({ from, to }, /No content/);
  await rejects({ from, to, template: 'x', subject: 'Hi' }, /--template and --subject .* do not go together/);
  await rejects({ from, to, eml: 'order.eml', template: 'x' }, /--eml and --template/);
  await rejects({ from, subject: 'Hi', text: 'x' }, /No recipient/);
  await rejects({ eml: 'nobody.eml' }, /nobody.eml names no recipient/);
  await rejects({ to, subject: 'Hi', text: 'x' }, /No sender/);
  await rejects({ from, to, subject: 'Hi' }, /no body/);
  await rejects({ from, to, text: 'x' }, /no subject/);
  await rejects({ from, to, subject: 'Hi', text: 'x', textFile: 'page.html' }, /--text and --text-file/);
  await rejects({ from, to, subject: 'Hi', text: 'x', var: ['a=b'] }, /--template/);
  await rejects({ from, to, template: 'x', var: ['a'] }, /--var "a" is not name=value/);
  await rejects({ from, to, template: 'x', var: ['=b'] }, /--var/);
  await rejects({ from, to, subject: 'Hi', text: 'x', header: ['X-Order'] }, /"Name: value"/);
  await rejects({ from, to, template: 'x', variables: 'list.json' }, /JSON object/);
  await rejects({ from, to, template: 'x', variables: 'broken.json' }, /JSON object/);
});
