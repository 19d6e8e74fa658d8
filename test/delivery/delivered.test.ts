import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createBlobStore, readVerp } from '@millrace/message';
import { type DeliveryRig, startRig } from './delivery-rig.ts';

let rig: DeliveryRig;
before(async () => {
  rig = await startRig();
  await rig.startWorker();
});
after(() => rig.stop());

const received = async (to: string) => {
  const [mail] = await rig.sandbox.messages({ to, waitMs: 30_000 });
  assert.ok(mail, `a mail to ${to}`);
  return mail;
};
const header = (mail: Awaited<ReturnType<typeof received>>, name: string): string | undefined =>
  mail.headers.find((field) => field.name.toLowerCase() === name)?.value;

test('a message arrives signed, authenticated and with the headers that providers ask for', async () => {
  const task = rig.task('ada@gmail.com', { campaign: 'spring' });
  await rig.send(task);
  const event = await rig.event(task, 'delivered');
  assert.equal(event.reply_code, 250);
  assert.equal(event.source, 'one');
  assert.equal(event.mx, 'gmail-smtp-in.l.google.com');
  assert.equal(event.remote_address, '127.0.1.10');
  assert.equal(event.attempt, 1);
  assert.equal(event.tls?.protocol, 'TLSv1.3');
  assert.equal(event.tls?.verified, true);
  assert.deepEqual(event.tags, ['test']);
  assert.deepEqual(event.metadata, { order: '17' });
  const mail = await received('ada@gmail.com');
  assert.equal(event.size_bytes, mail.size);
  assert.equal(mail.auth.spf?.result, 'pass');
  assert.equal(mail.auth.dmarc?.result, 'pass');
  assert.deepEqual(
    mail.auth.dkim?.map(({ result, algorithm }) => `${algorithm} ${result}`),
    ['rsa-sha256 pass', 'ed25519-sha256 pass'],
  );
  assert.equal(mail.client.address, '127.0.3.1');
  assert.equal(mail.client.ehlo, 'one.acme.example');
  assert.equal(readVerp(mail.envelope.mail_from, 'a secret of this test'), task.message_id);
  assert.match(header(mail, 'list-unsubscribe') ?? '', /^<https:\/\/acme\.example\/u\//);
  assert.equal(header(mail, 'list-unsubscribe-post'), 'List-Unsubscribe=One-Click');
  assert.match(header(mail, 'feedback-id') ?? '', /:millrace$/);
});

test('a template is rendered for each message, one written a moment before its task included', async () => {
  await rig.template({
    template_id: 'welcome',
    subject: 'Hello {{ name }}',
    text: 'Dear {{ name }},',
    html: '<p>Dear {{ name }}</p>',
  });
  const tasks = ['Ada', 'Bob', '<b>'].map((name, index) =>
    rig.task(`reader-${index}@tail-01.test`, {
      composed: null,
      template_id: 'welcome',
      template_version: 1,
      variables: JSON.stringify({ name }),
    }),
  );
  await rig.send(...tasks);
  await Promise.all(tasks.map((task) => rig.event(task, 'delivered')));
  assert.equal((await received('reader-1@tail-01.test')).subject, 'Hello Bob');
  const mail = await received('reader-2@tail-01.test');
  assert.equal(mail.subject, 'Hello <b>');
  assert.match(mail.raw ?? '', /&lt;b&gt;/);
});

test('a template that nobody has written waits in a delay tier, without a try', async () => {
  const task = rig.task('ada@tail-02.test', { composed: null, template_id: 'nowhere', template_version: 3 });
  await rig.send(task);
  const delayed = await rig.until(() => rig.delays.find(({ value }) => value.message_id === task.message_id));
  assert.equal(delayed.value.reason, 'template_missing');
  const again = await rig.kafka.codec.decode('DeliveryTask', delayed.value.value);
  assert.equal(again.attempt, 0);
  assert.deepEqual(rig.kindsOf(task), []);
});

test('a task of which no message can be made bounces and says why', async () => {
  const nothing = rig.task('ada@tail-02.test', { composed: null });
  const noVersion = rig.task('bob@tail-02.test', { composed: null, template_id: 'welcome' });
  const variables = rig.task('eve@tail-02.test', {
    composed: null,
    template_id: 'welcome',
    template_version: 1,
    variables: '[1]',
  });
  await rig.send(nothing, noVersion, variables);
  for (const task of [nothing, noVersion, variables]) {
    const event = await rig.event(task, 'bounced');
    assert.equal(event.bounce_category, 'content_rejected');
    assert.equal(event.attempt, 0);
  }
  assert.match((await rig.event(nothing, 'bounced')).text ?? '', /no content/);
});

test('raw mail goes out byte for byte below the added headers', async () => {
  const raw = Buffer.from(
    'From: news@acme.example\r\nTo: x\r\nSubject: raw\r\n\r\n.one\r\n..two\r\n\r\nend\r\n',
  );
  const task = rig.task('raw@tail-03.test', { composed: null, raw });
  await rig.send(task);
  await rig.event(task, 'delivered');
  const mail = await received('raw@tail-03.test');
  const source = rig.sandbox.source(mail.id);
  assert.ok(source?.toString().endsWith('\r\n\r\n.one\r\n..two\r\n\r\nend\r\n'));
  assert.equal(mail.auth.dkim?.[0]?.result, 'pass');
});

test('the memory that mails are written into is used again, and yet each arrives as itself, whatever its size and however sessions end', async () => {
  await rig.sandbox.behave('tail-06', { drop_mid_data_share: 0.2 });
  const bodyOf = (number: number): string =>
    `this is mail ${number} and no other\r\n`.repeat(1 + ((number * 37) % 900));
  const tasks = Array.from({ length: 300 }, (_, number) =>
    rig.task(`reused-${number}@tail-0${5 + (number % 2)}.test`, {
      composed: null,
      raw: Buffer.from(`From: news@acme.example\r\nSubject: ${number}\r\n\r\n${bodyOf(number)}`),
    }),
  );
  await rig.send(...tasks);
  await rig.until(() => tasks.every((task) => rig.kindsOf(task).length > 0), 'an event of each');
  const arrived = await Promise.all(
    tasks.map(async (task, number) => ({
      number,
      ended: rig.kindsOf(task)[0],
      mails: await rig.sandbox.messages({ to: task.recipient }),
    })),
  );
  const delivered = arrived.filter(({ ended }) => ended === 'delivered');
  // All to the one that keeps its sessions, most of the others.
  assert.ok(delivered.length > 200 && delivered.length < 300, `${delivered.length} delivered`);
  for (const { number, mails } of delivered) {
    const [mail, ...more] = mails;
    assert.ok(mail !== undefined && more.length === 0, `${mails.length} of mail ${number}`);
    assert.equal(mail.subject, String(number));
    assert.ok(
      rig.sandbox
        .source(mail.id)
        ?.toString()
        .endsWith(`\r\n\r\n${bodyOf(number)}`),
      `mail ${number}`,
    );
  }
});

test('a message in the blob store is fetched; one that is gone bounces', async () => {
  const content = Buffer.from(
    `From: news@acme.example\r\nSubject: large\r\n\r\n${'0123456789\r\n'.repeat(40_000)}`,
  );
  const blob = await createBlobStore(rig.config.blobs).put(content);
  const task = rig.task('large@tail-03.test', { composed: null, blob });
  const gone = rig.task('gone@tail-03.test', { composed: null, blob: '0'.repeat(44) });
  await rig.send(task, gone);
  assert.ok(((await rig.event(task, 'delivered')).size_bytes ?? 0) > content.length);
  assert.equal((await rig.event(gone, 'bounced')).bounce_category, 'content_rejected');
});

test('internationalised addresses go as SMTPUTF8; a server without it is not asked', async () => {
  const task = rig.task('jürgen@bücher.test', { domain: 'xn--bcher-kva.test', site: 'mx.special.test' });
  await rig.send(task);
  await rig.event(task, 'delivered');
  const [mail] = await rig.sandbox.messages({ isp: 'special', search: 'jürgen', waitMs: 30_000 });
  assert.ok(mail?.mail_parameters.includes('SMTPUTF8'));

  const refused = rig.task('jürgen@yahoo.com');
  await rig.send(refused);
  const event = await rig.event(refused, 'bounced');
  assert.equal(event.enhanced_code, '5.6.7');
});

test('a record whose id is none goes to the dead letters', async () => {
  await rig.send(rig.task('ada@tail-04.test', { message_id: 'not-an-id' }));
  const letter = await rig.until(() => rig.deadLetters.find(({ value }) => value.message_id === 'not-an-id'));
  assert.match(letter.headers['millrace-reason']?.toString() ?? '', /not a UUIDv7/);
});
