/**
 * Delivers to mail servers that nobody here wrote, over STARTTLS: the pipeline finds them by MX as it finds any other.
 * Each runs with a private configuration and queue; where one is not installed its tests are skipped.
 */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { loadConfig } from '@millrace/service';
import { testAuthority } from '@millrace/smtp/testing';
import { dkimVerify } from 'mailauth/lib/dkim/verify.js';
import { eximMissing, startExim } from '../peers/exim.ts';
import { postfixMissing, startPostfix } from '../peers/postfix.ts';
import { type PipelineInUse, usePipeline } from '../rig/shared-pipeline.ts';

interface MailServer {
  /** A Maildir is somewhere below. */
  readonly mailDirectory: string;
  log(): string;
  stop(): Promise<void>;
}

interface Where {
  readonly domain: string;
  readonly host: string;
  readonly port: number;
  readonly tls: { readonly cert: string; readonly key: string };
}

const servers: readonly {
  readonly name: string;
  readonly address: string;
  readonly missing: string | undefined;
  readonly start: (where: Where) => Promise<MailServer>;
}[] = [
  {
    name: 'Postfix',
    address: '127.0.5.1',
    missing: postfixMissing(),
    start: ({ domain, host, port, tls }) =>
      startPostfix({
        mailboxDomains: [domain],
        host,
        port,
        tls,
        parameters: {
          mynetworks: '127.0.9.9/32',
          smtpd_relay_restrictions: 'reject_unauth_destination',
          smtpd_recipient_restrictions: `check_recipient_access inline:{ {nobody@${domain} = 550 5.1.1 No such user here} }`,
          smtpd_sender_restrictions: '',
          smtputf8_enable: 'yes',
        },
      }),
  },
  {
    name: 'Exim',
    address: '127.0.5.2',
    missing: eximMissing(),
    start: ({ domain, host, port, tls }) => startExim({ mailboxDomains: [domain], host, port, tls }),
  },
];

for (const { name, address, missing, start } of servers) {
  describe(`Delivery to ${name}`, { skip: missing ?? false }, () => {
    let pipeline: PipelineInUse;
    let server: MailServer;
    let domain: string;
    let keys: ReadonlyMap<string, string>;

    before(async () => {
      pipeline = await usePipeline();
      const config = loadConfig({ file: pipeline.configurationFile, env: process.env });
      keys = new Map(config.sandbox.publish.map((record) => [record.name, record.value]));
      domain = `${pipeline.unique(name.toLowerCase())}.test`;
      const host = `mx.${domain}`;
      server = await start({
        domain,
        host: address,
        port: config.delivery.port,
        tls: await (await testAuthority()).certificate([host]),
      });
      await publish(domain, 'MX', `10 ${host}.`);
      await publish(host, 'A', address);
    });
    after(async () => {
      await server?.stop();
      await pipeline?.stop();
    });

    const publish = async (record: string, type: string, value: string): Promise<void> => {
      const response = await fetch(`${pipeline.endpoints.sandbox.http}/dns/${record}`, {
        method: 'PUT',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ records: [{ type, value }] }),
      });
      assert.ok(response.ok, await response.text());
    };

    /** Sends, waits for the 250 and for the file; its bytes with CRLF. */
    const delivered = async (body: object, user = 'anna'): Promise<Buffer> => {
      const to = `${pipeline.unique(user)}@${domain}`;
      const id = await pipeline.api.sendOne({
        from: 'hello@millrace.test',
        to: [to],
        stream: 'realtime',
        ...body,
      });
      const life = await pipeline.events.life(id);
      const last = life.at(-1);
      assert.equal(last?.kind, 'delivered', `${last?.text} ${server.log().slice(-500)}`);
      assert.match(last?.tls?.protocol ?? 'in the clear', /^TLSv1\.[23]$/);
      for (let tries = 0; tries < 500; tries += 1) {
        const found = mails(server.mailDirectory).find((mail) => mail.includes(id));
        if (found) return found;
        await sleep(50);
      }
      throw new Error(`${name} said 250, and ${id} is in no mailbox: ${server.log().slice(-1_000)}`);
    };

    const assertSigned = async (mail: Buffer): Promise<void> => {
      const { results } = await dkimVerify(mail, {
        resolver: async (query: string) => {
          const value = keys.get(query);
          if (value === undefined) throw Object.assign(new Error(`No ${query}`), { code: 'ENOTFOUND' });
          return [[value]];
        },
      });
      assert.deepEqual(
        results.map(({ status }) => status.result),
        ['pass', 'pass'],
        JSON.stringify(results),
      );
    };

    test('lines that begin with dots arrive as they are, and the signatures verify', async () => {
      const text = '.\n..\n. leading dot\n.hidden\nend';
      const mail = await delivered({ subject: 'Dots', text });
      assert.ok(mail.includes(text.replaceAll('\n', '\r\n')));
      await assertSigned(mail);
    });

    test('8-bit content and a long attachment arrive byte for byte', async () => {
      const body = Array.from({ length: 20_000 }, (_, line) => `Zeile ${line}: größer als ASCII`).join(
        '\r\n',
      );
      const raw = `From: hello@millrace.test\r\nSubject: 8 bit\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n${body}\r\n`;
      const mail = await delivered({ raw_base64: Buffer.from(raw).toString('base64') });
      assert.ok(mail.includes(body));
      await assertSigned(mail);
    });

    test('an internationalised address arrives by SMTPUTF8', async () => {
      const mail = await delivered({ subject: 'Grüße', text: 'Grüße' }, 'jürgen');
      await assertSigned(mail);
    });

    test('many mails go through few connections', async () => {
      const before = connectionsIn(server.log());
      const { messages } = await pipeline.api.send({
        from: 'hello@millrace.test',
        to: Array.from({ length: 200 }, (_, index) => `${pipeline.unique(`many${index}`)}@${domain}`),
        subject: 'Many',
        text: 'One of many',
        stream: 'batch',
      });
      for (const { message_id: id } of messages)
        assert.equal((await pipeline.events.life(id)).at(-1)?.kind, 'delivered');
      const opened = connectionsIn(server.log()) - before;
      assert.ok(opened > 0 && opened < 60, `${opened} connections for 200 mails`);
    });

    test('what it refuses bounces with its own words', async () => {
      const id = await pipeline.api.sendOne({
        from: 'hello@millrace.test',
        to: [`nobody@${domain}`],
        subject: 'Nobody',
        text: 'Nobody',
        stream: 'realtime',
      });
      const bounced = (await pipeline.events.life(id)).at(-1);
      assert.equal(bounced?.kind, 'bounced');
      assert.equal(bounced?.reply_code, 550);
      assert.match(bounced?.text ?? '', /No such user here/);
    });
  });
}

/** Every message of the Maildir with CRLF line ends. */
function mails(directory: string): Buffer[] {
  const box = join(directory, 'box', 'new');
  if (!existsSync(box)) return [];
  return readdirSync(box).map((file) =>
    Buffer.from(readFileSync(join(box, file), 'latin1').replace(/\r?\n/g, '\r\n'), 'latin1'),
  );
}

/** As Postfix and Exim log each of them. */
const connectionsIn = (log: string): number =>
  log.match(/ connect from | SMTP connection from \S+ .*\(TCP\/IP connection count/g)?.length ?? 0;
