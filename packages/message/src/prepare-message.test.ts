import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DeliveryTask, Template } from '@millrace/schemas';
import fc from 'fast-check';
import { simpleParser } from 'mailparser';
import { MessageError, type MessageErrorCode } from './message-error.ts';
import { type PreparedMessage, prepareMessage } from './prepare-message.ts';
import {
  ed25519Key,
  factsWith,
  rsaKey,
  specimenNow,
  taken,
  taskWith,
  templateWith,
  unsubscribeSpecimen,
  valuesOf,
  verifiedSignatures,
} from './specimen.ts';
import { TemplateRenderer } from './template/template-renderer.ts';
import { readUnsubscribeToken } from './unsubscribe.ts';
import { readVerp } from './verp.ts';

const both = [rsaKey, ed25519Key];
const facts = factsWith(both, { unsubscribe: unsubscribeSpecimen });
const renderer = new TemplateRenderer();

const prepared = (task: Partial<DeliveryTask>, template?: Partial<Template>): Promise<PreparedMessage> =>
  prepareMessage(
    facts,
    taskWith(template === undefined ? task : { template_id: 'welcome', template_version: 1, ...task }),
    {
      template: template === undefined ? undefined : new TemplateRenderer().compiled(templateWith(template)),
      now: specimenNow,
    },
  );
const composed = (more: Partial<NonNullable<DeliveryTask['composed']>> = {}) => ({
  subject: 'Hello',
  text: 'Hello\n',
  html: null,
  attachments: [],
  ...more,
});
const refusedAs = (code: MessageErrorCode) => (error: unknown) =>
  error instanceof MessageError && error.code === code;
const assertVerified = async (data: Buffer): Promise<void> => {
  const found = await verifiedSignatures(data, both);
  assert.deepEqual(
    found.map(({ result }) => result),
    ['pass', 'pass'],
    JSON.stringify(found),
  );
};

test('a template becomes a whole message that every reader understands', async () => {
  const { data, envelope, smtpUtf8, eightBit } = await prepared(
    {
      variables: JSON.stringify({ name: 'Jürgen <3' }),
      recipient_name: 'Bob Brown',
      reply_to: 'help@example.com',
      headers: [{ name: 'X-Order', value: '4711' }],
    },
    {
      text: 'Hello {{ name }}\n',
      html: '<p>Hello {{ name }}</p>',
      headers: [
        { name: 'X-Order', value: 'no' },
        { name: 'X-Name', value: '{{ name }}' },
      ],
    },
  );
  const mail = await simpleParser(data);
  assert.equal(mail.subject, 'Hello Jürgen <3');
  assert.equal(mail.text, 'Hello Jürgen <3\n');
  assert.equal(mail.html, '<p>Hello J\u00fcrgen &lt;3</p>');
  assert.deepEqual(mail.from?.value[0], { address: 'news@example.com', name: 'Acme News' });
  assert.deepEqual(mail.replyTo?.value[0]?.address, 'help@example.com');
  assert.equal(mail.date?.getTime(), specimenNow);
  assert.deepEqual(valuesOf(data, 'To'), ['Bob Brown <bob@example.org>']);
  assert.deepEqual(valuesOf(data, 'X-Order'), ['4711'], "the request's field wins over the template's");
  assert.equal(valuesOf(data, 'X-Name').length, 1);
  assert.deepEqual([smtpUtf8, eightBit], [false, false]);
  assert.equal(envelope.rcptTo, 'bob@example.org');
  await assertVerified(data);
});

test('the signatures come first, every line ends with CRLF, no line is too long', async () => {
  const { data } = await prepared({
    composed: composed({ text: `${'long '.repeat(500)}\nä`, html: '<p>x</p>' }),
  });
  const text = data.toString('latin1');
  assert.match(text, /^DKIM-Signature: (?:.|\r\n)*?\r\nDKIM-Signature: (?:.|\r\n)*?\r\nFrom: /);
  assert.doesNotMatch(text, /(?<!\r)\n|\r(?!\n)/);
  assert.ok(text.endsWith('\r\n'));
  const [, body] = [text, taken(data).body];
  for (const line of body.split('\r\n')) assert.ok(line.length <= 76);
  await assertVerified(data);
});

test('a signature that is longer than the room kept for it is whole, and so is the message', async () => {
  const selector = Array.from({ length: 9 }, (_, index) => `${index}${'s'.repeat(60)}`).join('.');
  const keys = [{ ...rsaKey, selector }];
  const task = taskWith({ composed: composed({ text: 'x' }) });
  const { data } = await prepareMessage(factsWith(keys), task, { now: specimenNow });
  assert.ok(data.indexOf('From: ') > 1_024);
  const [found, ...more] = await verifiedSignatures(data, keys);
  assert.deepEqual([found?.result, more], ['pass', []]);
});

test('the same task gives the same bytes at each attempt, the signatures apart', async () => {
  const task = taskWith({
    stream: 'batch',
    composed: composed({
      html: '<p>x</p>',
      attachments: [
        { filename: 'a.txt', content_type: 'text/plain', content: Buffer.from('a'), content_id: null },
      ],
    }),
  });
  const make = async (now: number) =>
    (await prepareMessage(factsWith([], { unsubscribe: unsubscribeSpecimen }), task, { now })).data;
  assert.deepEqual(await make(specimenNow), await make(specimenNow + 3_600_000));
});

test('batch has List-Unsubscribe and its one-click field, both signed; realtime has neither', async () => {
  const { data } = await prepared({
    ...{ stream: 'batch', category: 'newsletter', campaign: 'autumn', composed: composed() },
  });
  const [value = ''] = valuesOf(data, 'List-Unsubscribe');
  const [, token = ''] =
    /^<https:\/\/example\.com\/u\/([\w-]+)>, <mailto:unsubscribe%2B[a-z2-7]{44}@example\.com\?subject=unsubscribe>$/.exec(
      value,
    ) ?? [];
  assert.deepEqual(readUnsubscribeToken(token, unsubscribeSpecimen.secret), {
    messageId: valuesOf(data, 'Message-ID')[0]?.slice(1, 37),
    tenant: 'acme',
    recipient: 'bob@example.org',
    campaign: 'autumn',
    list: 'newsletter',
  });
  assert.deepEqual(valuesOf(data, 'List-Unsubscribe-Post'), ['List-Unsubscribe=One-Click']);
  for (const signature of valuesOf(data, 'DKIM-Signature'))
    assert.match(signature.replaceAll(' ', ''), /:list-unsubscribe:list-unsubscribe-post[:;]/);
  const realtime = await prepared({ composed: composed() });
  assert.deepEqual(valuesOf(realtime.data, 'List-Unsubscribe'), []);
  assert.deepEqual(valuesOf(realtime.data, 'List-Unsubscribe-Post'), []);
});

test("a request's own List-Unsubscribe is the only one", async () => {
  const { data } = await prepared({
    stream: 'batch',
    composed: composed(),
    headers: [{ name: 'list-unsubscribe', value: '<https://own.example/>' }],
  });
  assert.deepEqual(valuesOf(data, 'List-Unsubscribe'), ['<https://own.example/>']);
  assert.deepEqual(valuesOf(data, 'List-Unsubscribe-Post'), []);
});

test('a template can link to the unsubscription in its body', async () => {
  const { data } = await prepared(
    { stream: 'batch' },
    { text: '{{ millrace.unsubscribe_url }} {{ millrace.recipient }} {{ millrace.message_id }}' },
  );
  const [link = ''] = /<(https:[^>]+)>/.exec(valuesOf(data, 'List-Unsubscribe')[0] ?? '')?.slice(1) ?? [];
  const id = valuesOf(data, 'Message-ID')[0]?.slice(1, 37);
  assert.equal((await simpleParser(data)).text?.trim(), `${link} bob@example.org ${id}`);
});

test('Feedback-ID tells campaign, tenant, category or stream, and sender', async () => {
  const one = await prepared({ campaign: 'Herbst: größte', category: 'receipt', composed: composed() });
  assert.deepEqual(valuesOf(one.data, 'Feedback-ID'), ['Herbst_gro_te:acme:receipt:millrace']);
  const two = await prepared({ composed: composed() });
  assert.deepEqual(valuesOf(two.data, 'Feedback-ID'), ['acme:realtime:millrace']);
});

test('the envelope sender names the message', async () => {
  const task = taskWith({ composed: composed() });
  const { envelope } = await prepareMessage(facts, task, { now: specimenNow });
  assert.match(envelope.mailFrom, /^b\+[a-z2-7]{44}@bounce\.example\.com$/);
  assert.equal(readVerp(envelope.mailFrom, unsubscribeSpecimen.secret), task.message_id);
});

test('without a domain for return paths it is the From domain', async () => {
  const plain = { ...factsWith([]), returnPathDomain: undefined };
  const task = taskWith({ composed: composed(), mail_from: { address: 'x@bücher.example', name: null } });
  const { envelope } = await prepareMessage(plain, task, { now: specimenNow });
  assert.match(envelope.mailFrom, /@xn--bcher-kva\.example$/);
});

test('international domains are A-labels everywhere, so nothing needs SMTPUTF8', async () => {
  const { data, envelope, smtpUtf8, eightBit } = await prepared({
    composed: composed(),
    recipient: 'bob@bücher.example',
  });
  assert.equal(envelope.rcptTo, 'bob@xn--bcher-kva.example');
  assert.deepEqual(valuesOf(data, 'To'), ['bob@xn--bcher-kva.example']);
  assert.deepEqual([smtpUtf8, eightBit], [false, false]);
});

test('a local part beyond ASCII needs SMTPUTF8, and the header says it in UTF-8', async () => {
  const { data, envelope, smtpUtf8, eightBit } = await prepared({
    composed: composed(),
    recipient: '用户@example.org',
  });
  assert.equal(envelope.rcptTo, '用户@example.org');
  assert.deepEqual([smtpUtf8, eightBit], [true, true]);
  assert.ok(data.includes('To: 用户@example.org\r\n'));
  await assertVerified(data);
});

test('nothing that a request or its variables hold can add a field', async () => {
  const evil = fc
    .array(
      fc.constantFrom(
        '\r\n',
        '\n',
        '\r',
        '\u2028',
        '\u0085',
        '\0',
        'Bcc: evil@example.net',
        ' ',
        ':',
        '<',
        '>',
        '"',
        ',',
        'ü',
        'x',
        '=?utf-8?q?=0D=0A?=',
      ),
      { maxLength: 12 },
    )
    .map((parts) => parts.join(''));
  const compiled = renderer.compiled(
    templateWith({
      subject: '{{ a }}',
      text: '{{ a }}',
      html: '{{ a }}',
      headers: [{ name: 'X-A', value: '{{ a }}' }],
    }),
  );
  await fc.assert(
    fc.asyncProperty(evil, evil, evil, async (a, name, value) => {
      const task = taskWith({
        template_id: 'welcome',
        stream: 'batch',
        campaign: a,
        category: value,
        tenant: name,
        variables: JSON.stringify({ a }),
        mail_from: { address: 'news@example.com', name },
        recipient_name: name,
        headers: [{ name: 'X-B', value }],
      });
      const { data } = await prepareMessage(factsWith([], { unsubscribe: unsubscribeSpecimen }), task, {
        template: compiled,
        now: specimenNow,
      });
      const { fields } = taken(data);
      assert.deepEqual(
        fields.map(([field]) => field),
        [
          'From',
          'To',
          'Subject',
          'Date',
          'Message-ID',
          'List-Unsubscribe',
          'List-Unsubscribe-Post',
          'Feedback-ID',
          'X-B',
          'X-A',
          'MIME-Version',
          'Content-Type',
        ],
      );
      const mail = await simpleParser(data);
      assert.equal(mail.from?.value.length, 1);
      assert.equal(mail.from?.value[0]?.address, 'news@example.com');
      assert.equal(mail.bcc, undefined);
    }),
    { numRuns: 150 },
  );
});

test('any template content and variables give a message whose signatures verify', async () => {
  const text = fc.string({ unit: 'grapheme', maxLength: 300 });
  const variables = fc.dictionary(
    fc.constantFrom('a', 'b', 'c'),
    fc.oneof(text, fc.integer(), fc.array(text, { maxLength: 3 })),
  );
  const source = fc
    .array(
      fc.oneof(
        text.map((part) => part.replaceAll(/[{}]/g, '')),
        fc.constantFrom('{{ a }}', '{{ b }}', ' {{ c }} ', '\n', ' \t\n'),
      ),
      { maxLength: 12 },
    )
    .map((parts) => parts.join(''));
  await fc.assert(
    fc.asyncProperty(source, fc.option(source), variables, async (html, plain, values) => {
      const { data } = await prepared({ variables: JSON.stringify(values) }, { text: plain, html });
      await assertVerified(data);
    }),
    { numRuns: 60 },
  );
});

test('attachments and inline images go with the text', async () => {
  const content = Buffer.from([0, 1, 2, 255]);
  const { data } = await prepared({
    composed: composed({
      html: '<img src="cid:logo">',
      attachments: [
        {
          filename: 'Rechnung "März"\r\nBcc: x@y.z.pdf',
          content_type: 'application/pdf',
          content,
          content_id: null,
        },
        { filename: 'logo.png', content_type: 'image/png', content, content_id: 'logo' },
      ],
    }),
  });
  assert.deepEqual(valuesOf(data, 'Bcc'), []);
  assert.equal(valuesOf(data, 'MIME-Version').length, 1);
  assert.equal(valuesOf(data, 'Message-ID').length, 1);
  const mail = await simpleParser(data, { skipImageLinks: true });
  assert.equal(mail.text?.trim(), 'Hello');
  assert.deepEqual(
    mail.attachments.map((attachment) => attachment.content),
    [content, content],
  );
  const [invoice] = mail.attachments.filter(({ contentType }) => contentType === 'application/pdf');
  assert.equal(invoice?.filename, 'Rechnung "März" Bcc: x@y.z.pdf');
  assert.ok(mail.attachments.some(({ cid }) => cid === 'logo'));
  await assertVerified(data);
});

test('a composed text can be empty, and HTML can stand alone', async () => {
  const empty = await prepared({ composed: composed({ text: '' }) });
  await assertVerified(empty.data);
  const html = await prepared({ composed: composed({ text: null, html: '<p>x</p>' }) });
  assert.deepEqual(valuesOf(html.data, 'Content-Type'), ['text/html; charset=utf-8']);
  await assertVerified(html.data);
});

test('what cannot become a message is refused by its code', async () => {
  const cases: readonly (readonly [Partial<DeliveryTask>, MessageErrorCode])[] = [
    [{}, 'ERR_MESSAGE_NO_CONTENT'],
    [{ blob: 'x' }, 'ERR_MESSAGE_NO_CONTENT'],
    [{ template_id: 'x' }, 'ERR_MESSAGE_NO_CONTENT'],
    [{ composed: composed(), message_id: 'x' }, 'ERR_MESSAGE_ID'],
    [{ composed: composed(), recipient: 'x' }, 'ERR_MESSAGE_ADDRESS'],
    [
      { composed: composed(), mail_from: { address: 'a@b.example\r\nX: y', name: null } },
      'ERR_MESSAGE_ADDRESS',
    ],
    [{ composed: composed(), reply_to: 'x y@z' }, 'ERR_MESSAGE_ADDRESS'],
    [{ composed: composed(), headers: [{ name: 'Bcc', value: 'x' }] }, 'ERR_MESSAGE_HEADER'],
    [{ composed: composed(), headers: [{ name: 'X\r\nY', value: 'x' }] }, 'ERR_MESSAGE_HEADER'],
  ];
  for (const [task, code] of cases) await assert.rejects(prepared(task), refusedAs(code), code);
  for (const variables of ['{', '[]', '1', 'null'])
    await assert.rejects(prepared({ variables }, {}), refusedAs('ERR_MESSAGE_VARIABLES'));
});
