import assert from 'node:assert/strict';
import { connect, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { after, before, describe, test } from 'node:test';
import { isMessageId } from '@millrace/core';
import type { SendRequest } from '@millrace/schemas';
import fc from 'fast-check';
import { createTransport } from 'nodemailer';
import { type Rig, startRig, until } from '../ingest-rig.ts';

let rig: Rig;
before(async () => {
  rig = await startRig({
    smtp: { allow_insecure_auth: true },
    ingest: { max_message_bytes: 200_000, max_recipients: 20 },
  });
  await rig.ready();
});
after(() => rig[Symbol.asyncDispose]());

interface Login {
  readonly user: string;
  readonly pass: string;
}

const login = (key: 'full' | 'batch' | 'reader' | 'slow'): Login => ({ user: key, pass: rig.keys[key] });

interface Mail {
  readonly raw: string | Buffer;
  readonly from?: string;
  readonly to?: readonly string[];
  readonly auth?: Login | null;
  readonly of?: Rig;
}

/** Sends with nodemailer by STARTTLS; resolves to the last reply, rejects with an error that has `response`. */
const send = async ({
  raw,
  from = 'bounce@acme.example',
  to = ['bob@gmail.com'],
  auth = login('full'),
  of = rig,
}: Mail): Promise<string> => {
  const { smtp } = of.ingest;
  assert.ok(smtp);
  const transport = createTransport({
    host: smtp.host,
    port: smtp.port,
    requireTLS: true,
    tls: { rejectUnauthorized: false },
    ...(auth === null ? {} : { auth }),
  });
  try {
    const info = await transport.sendMail({ envelope: { from, to: [...to] }, raw });
    return info.response;
  } finally {
    transport.close();
  }
};

const refusal = async (mail: Mail): Promise<string> => {
  const error: unknown = await send(mail).then(
    (response) => assert.fail(`taken: ${response}`),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof Error && 'response' in error, String(error));
  return String(error.response);
};

const requestOf = async (response: string): Promise<SendRequest> => {
  const id = /queued as (\S+)$/.exec(response)?.[1];
  const record = (await rig.requests()).find(({ value }) => value.request_id === id);
  assert.ok(record, response);
  return record.value;
};

/** What was submitted: without the Received field that ingest puts on top. */
const belowTrace = (raw: Buffer | null): Buffer => {
  assert.ok(raw);
  const text = raw.toString('latin1');
  assert.match(
    text,
    /^Received: from [^\r]+\r\n by mx\.acme\.example \(Millrace\) with ESMTPSA id \S+;\r\n [^\r]+\r\n/,
  );
  let end = text.indexOf('\r\n') + 2;
  while (text[end] === ' ') end = text.indexOf('\r\n', end) + 2;
  return raw.subarray(end);
};

const mail = (headers: readonly string[] = [], body = 'Hi') =>
  ['From: Ada <ada@acme.example>', 'To: bob@gmail.com', 'Subject: Hello', ...headers, '', body, ''].join(
    '\r\n',
  );

/** A client that says exactly what it is told. */
class RawClient {
  readonly #socket: Socket;
  readonly #lines: AsyncIterator<string>;
  /** Reads that brought something. */
  chunks = 0;

  constructor(of: Rig) {
    assert.ok(of.ingest.smtp);
    this.#socket = connect(of.ingest.smtp);
    this.#socket.on('error', () => this.#socket.destroy());
    this.#socket.on('data', () => {
      this.chunks += 1;
    });
    this.#lines = createInterface({ input: this.#socket })[Symbol.asyncIterator]();
  }

  /** A whole reply, its lines joined. */
  async reply(): Promise<string> {
    const lines: string[] = [];
    for (;;) {
      const { value, done } = await this.#lines.next();
      if (done === true) return [...lines, 'closed'].join('\n');
      lines.push(value);
      if (value[3] !== '-') return lines.join('\n');
    }
  }

  async say(text: string | Buffer): Promise<string> {
    this.#socket.write(text);
    return this.reply();
  }

  write(bytes: Uint8Array): void {
    this.#socket.write(bytes);
  }

  close(): void {
    this.#socket.destroy();
  }
}

const plain = ({ user, pass }: Login) => Buffer.from(`\0${user}\0${pass}`).toString('base64');

const session = async (of: Rig = rig): Promise<RawClient> => {
  const client = new RawClient(of);
  assert.match(await client.reply(), /^220 mx\.acme\.example /);
  return client;
};

describe('the dialogue', () => {
  test('offers what submission needs; AUTH only where a password is safe', async () => {
    const client = await session();
    const offered = await client.say('EHLO client.example\r\n');
    for (const word of [
      'PIPELINING',
      '8BITMIME',
      'SMTPUTF8',
      'ENHANCEDSTATUSCODES',
      'STARTTLS',
      'AUTH',
      'SIZE 200000',
    ]) {
      assert.match(offered, new RegExp(`^250[- ]${word}`, 'm'));
    }
    client.close();
    await using strict = await startRig();
    const careful = await session(strict);
    assert.doesNotMatch(await careful.say('EHLO client.example\r\n'), /AUTH/);
    assert.match(await careful.say(`AUTH PLAIN ${plain(login('full'))}\r\n`), /^538 /);
    careful.close();
  });

  test('needs AUTH before MAIL, with the id of a key and the whole key', async () => {
    const client = await session();
    await client.say('EHLO client.example\r\n');
    assert.match(await client.say('MAIL FROM:<a@acme.example>\r\n'), /^530 5\.7\.0 /);
    const wrong = { user: 'full', pass: `${rig.keys.full}x` };
    assert.match(await client.say(`AUTH PLAIN ${plain(wrong)}\r\n`), /^535 5\.7\.8 /);
    const another = { user: 'batch', pass: rig.keys.full };
    assert.match(await client.say(`AUTH PLAIN ${plain(another)}\r\n`), /^535 5\.7\.8 /);
    assert.match(
      await client.say(`AUTH PLAIN ${plain(login('reader'))}\r\n`),
      /^535 5\.7\.8 .*lacks the scope/,
    );
    assert.match(await client.say(`AUTH PLAIN ${plain(login('full'))}\r\n`), /^235 /);
    assert.match(await client.say('MAIL FROM:<a@acme.example>\r\n'), /^250 /);
    client.close();
  });

  test('replies to commands that came together leave together, in their order', async () => {
    const client = await session();
    await client.say('EHLO client.example\r\n');
    await client.say(`AUTH PLAIN ${plain(login('full'))}\r\n`);
    const before = client.chunks;
    client.write(
      Buffer.from('MAIL FROM:<a@acme.example>\r\nRCPT TO:<b@gmail.com>\r\nRCPT TO:<x\r\nNOOP\r\n'),
    );
    assert.match(await client.reply(), /^250 /);
    assert.match(await client.reply(), /^250 /);
    assert.match(await client.reply(), /^501 /);
    assert.match(await client.reply(), /^250 /);
    assert.equal(client.chunks - before, 1);
    client.close();
  });

  test('refuses what is no address, and one that needs SMTPUTF8 without it', async () => {
    const client = await session();
    await client.say('EHLO client.example\r\n');
    await client.say(`AUTH PLAIN ${plain(login('full'))}\r\n`);
    await client.say('MAIL FROM:<a@acme.example>\r\n');
    assert.match(await client.say('RCPT TO:<bob@-x-.example>\r\n'), /^50\d 5\.1\.3 /);
    assert.match(await client.say('RCPT TO:<bob@acme..example>\r\n'), /^5\d\d 5\.1\.3 /);
    assert.match(await client.say('RCPT TO:<zoë@gmail.com>\r\n'), /^553 5\.6\.7 /);
    for (let count = 0; count < 20; count++) {
      assert.match(await client.say(`RCPT TO:<u${count}@gmail.com>\r\n`), /^250 /);
    }
    assert.match(await client.say('RCPT TO:<one-more@gmail.com>\r\n'), /^452 4\.5\.3 /);
    client.close();
  });
});

describe('a submitted message', () => {
  test('is in Kafka when 250 is said, one message for each recipient', async () => {
    const response = await send({ raw: mail(), to: ['bob@gmail.com', 'eve@yahoo.com'] });
    assert.match(response, /^250 2\.6\.0 Ok: queued as /);
    const request = await requestOf(response);
    assert.equal(request.via, 'smtp');
    assert.equal(request.tenant, 'acme');
    assert.deepEqual({ ...request.mail_from }, { address: 'ada@acme.example', name: 'Ada' });
    assert.deepEqual(
      request.recipients.map(({ address }) => address),
      ['bob@gmail.com', 'eve@yahoo.com'],
    );
    assert.ok(request.recipients.every(({ message_id }) => message_id !== null && isMessageId(message_id)));
    assert.equal(belowTrace(request.raw).toString(), mail());
  });

  test('says in X-Millrace fields what it is; they are taken out, the rest stays as it was', async () => {
    const kept = ['X-Other: 1', 'X-Folded: a\r\n b', 'x-millraceless: stays'];
    const sendAt = Math.ceil(Date.now() / 1_000) * 1_000 + 60_000;
    const raw = mail([
      'X-Millrace-Stream: realtime',
      kept[0] ?? '',
      'X-MILLRACE-Category: receipt',
      'X-Millrace-Tag: a, b',
      'X-Millrace-Tag:\r\n c',
      kept[1] ?? '',
      'X-Millrace-Metadata: order=4711',
      'X-Millrace-Campaign: spring',
      `X-Millrace-Send-At: ${new Date(sendAt).toISOString()}`,
      kept[2] ?? '',
    ]);
    const request = await requestOf(await send({ raw }));
    assert.equal(request.stream, 'realtime');
    assert.equal(request.category, 'receipt');
    assert.equal(request.campaign, 'spring');
    assert.deepEqual([...request.tags], ['a', 'b', 'c']);
    assert.deepEqual({ ...request.metadata }, { order: '4711' });
    assert.equal(request.send_at, sendAt);
    assert.equal(belowTrace(request.raw).toString(), mail(kept));
  });

  test('may be internationalised', async () => {
    const raw = mail().replace('Subject: Hello', 'Subject: Grüße');
    const request = await requestOf(await send({ raw, to: ['zoë@münchen.example'] }));
    assert.equal(request.recipients[0]?.address, 'zoë@münchen.example');
    assert.equal(belowTrace(request.raw).toString(), raw);
  });

  test('arrives byte for byte whatever its body is', async () => {
    const line = fc
      .oneof(
        fc.uint8Array({ maxLength: 200 }),
        fc.constant(Buffer.from('.')),
        fc.constant(Buffer.from('..two')),
        fc.constant(Buffer.alloc(2_000, 'x')),
      )
      .map((bytes) => Buffer.from(bytes.filter((byte) => byte !== 0x0d && byte !== 0x0a)));
    await fc.assert(
      fc.asyncProperty(fc.array(line, { maxLength: 20 }), async (lines) => {
        const body = Buffer.concat(lines.flatMap((one) => [one, Buffer.from('\r\n')]));
        const raw = Buffer.concat([Buffer.from(mail([], 'x').replace(/x\r\n$/, '')), body]);
        const request = await requestOf(await send({ raw }));
        assert.deepEqual(belowTrace(request.raw), raw);
      }),
      { numRuns: 25 },
    );
  });

  test('above the inline limit is kept in the blob store', async () => {
    await using small = await startRig({
      smtp: { allow_insecure_auth: true },
      ingest: { inline_max_bytes: 10_000 },
    });
    await small.ready();
    await send({ raw: mail([], 'x'.repeat(900).concat('\r\n').repeat(20)), of: small, auth: login('full') });
    const [record] = await small.requests();
    assert.equal(record?.value.raw, null);
    assert.match(record?.value.blob ?? '', /^[0-9a-f]{44}$/);
  });
});

describe('a message is refused', () => {
  const wrong: readonly (readonly [string, string, RegExp])[] = [
    ['from a domain that is not the tenant’s', mail().replace('ada@acme', 'ada@umbrella'), /^550 5\.7\.1 /],
    ['without From', mail().replace(/^From.*\r\n/, ''), /^554 5\.6\.0 /],
    ['with two From fields', `From: eve@acme.example\r\n${mail()}`, /^554 5\.6\.0 /],
    ['with two addresses in From', mail().replace('<ada@', '<eve@acme.example>, <ada@'), /^554 5\.6\.0 /],
    [
      'with a misspelt wish',
      mail(['X-Millrace-Strem: batch']),
      /^554 5\.6\.0 .*did you mean X-Millrace-Stream\?/,
    ],
    ['with a wrong wish', mail(['X-Millrace-Stream: fast']), /^554 5\.6\.0 .*realtime or batch/],
    ['with a time that has passed', mail(['X-Millrace-Expires-At: 2020-01-01T00:00:00Z']), /^554 5\.6\.0 /],
    ['that goes in circles', `${'Received: by x\r\n'.repeat(51)}${mail()}`, /^554 5\.4\.6 /],
    ['that is too large', mail([], 'x'.repeat(201_000)), /^552 /],
  ];
  for (const [what, raw, reply] of wrong) {
    test(what, async () => {
      assert.match(await refusal({ raw }), reply);
    });
  }

  test('on a stream that the key is not for', async () => {
    const raw = mail(['X-Millrace-Stream: realtime']);
    assert.match(await refusal({ raw, auth: login('batch') }), /^550 5\.7\.1 .*realtime/);
    assert.match(await send({ raw: mail(['X-Millrace-Stream: batch']), auth: login('batch') }), /^250 /);
  });

  test('for a while when the key has a rate', async () => {
    const to = Array.from({ length: 5 }, (_, index) => `u${index}@gmail.com`);
    assert.match(await send({ raw: mail(), to, auth: login('slow') }), /^250 /);
    assert.match(
      await refusal({ raw: mail(), to, auth: login('slow') }),
      /^450 4\.7\.1 .*try again in \d+ s/,
    );
  });

  test('for a while when Kafka is away', async () => {
    await using lost = await startRig({ brokers: ['127.0.0.1:9'], smtp: { allow_insecure_auth: true } });
    assert.match(await refusal({ raw: mail(), of: lost }), /^451 4\.3\.0 /);
  });
});

describe('whatever a client says', () => {
  test('the server stays, and the next client is served', async () => {
    const command = fc.constantFrom(
      'EHLO x\r\n',
      'MAIL FROM:',
      'RCPT TO:<',
      'DATA\r\n',
      '\r\n.\r\n',
      'AUTH PLAIN ',
      'AUTH LOGIN\r\n',
      'RSET\r\n',
      'BDAT 5\r\n',
      'NOOP\r\n',
    );
    const bytes = fc.array(
      fc.oneof(
        command.map((text) => Buffer.from(text)),
        fc.uint8Array({ maxLength: 300 }).map((part) => Buffer.from(part)),
      ),
      { maxLength: 12 },
    );
    await fc.assert(
      fc.asyncProperty(bytes, fc.boolean(), async (parts, loggedIn) => {
        const client = await session();
        if (loggedIn) {
          await client.say('EHLO client.example\r\n');
          await client.say(`AUTH PLAIN ${plain(login('full'))}\r\n`);
        }
        for (const part of parts) client.write(part);
        client.close();
      }),
      { numRuns: 40 },
    );
    assert.match(await send({ raw: mail() }), /^250 /);
    await until(
      'the bytes given back',
      async () => (await rig.call('GET', '/readyz', { key: null })).status === 200,
    );
  });
});
