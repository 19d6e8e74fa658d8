/**
 * CPU of one prepared message: a 10 KB mail from a template, by key. `node packages/message/bench/prepare-message.ts [N]`.
 * The whole process is counted, libuv's pool included, so `unsigned` is what rendering, MIME and header fields cost.
 */
import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { newMessageId } from '@millrace/core';
import { messageFacts, prepareMessage, TemplateRenderer } from '@millrace/message';
import type { DeliveryTask, Template } from '@millrace/schemas';

const count = Number(process.argv[2] ?? 20_000);
const inFlight = 50;

const directory = mkdtempSync(join(tmpdir(), 'millrace-bench-'));
const keyFile = (name: string, privateKey: ReturnType<typeof generateKeyPairSync>['privateKey']): string => {
  const path = join(directory, `${name}.pem`);
  writeFileSync(path, privateKey.export({ type: 'pkcs8', format: 'pem' }));
  return path;
};
const rsa = {
  selector: 'r1',
  algorithm: 'rsa-sha256' as const,
  key_file: keyFile('rsa', generateKeyPairSync('rsa', { modulusLength: 2_048 }).privateKey),
};
const ed25519 = {
  selector: 'e1',
  algorithm: 'ed25519-sha256' as const,
  key_file: keyFile('ed25519', generateKeyPairSync('ed25519').privateKey),
};

const paragraph =
  '<tr><td style="padding: 12px 24px; font-family: Arial, sans-serif; color: #333333">\n' +
  '      Dear {{ first_name }}, the items that you looked at are <b>back in stock</b> — and delivered to {{ city }} free of charge.\n' +
  '    </td></tr>\n';
const html =
  '<!doctype html>\n<html><head><meta charset="utf-8"><title>{{ title }}</title></head>\n<body><table width="600">\n' +
  paragraph.repeat(38) +
  '{% for item in items %}<tr><td>{{ item.name }}</td><td align="right">{{ item.price }}</td></tr>\n{% endfor %}' +
  '</table><p><a href="{{ millrace.unsubscribe_url }}">Unsubscribe</a></p></body></html>\n';
const handlebarsHtml = html
  .replace('{% for item in items %}', '{{#each items}}')
  .replaceAll('item.', '')
  .replace('{% endfor %}', '{{/each}}');

const template = (language: string, source: string): Template => ({
  tenant: 'acme',
  template_id: language,
  version: 1,
  language,
  subject: 'Back in stock, {{ first_name }}',
  text: 'Dear {{ first_name }},\n\nthe items that you looked at are back in stock.\n',
  html: source,
  headers: [],
  created_at: 0,
  deleted: false,
});

const task = (index: number): DeliveryTask => ({
  message_id: newMessageId(1_800_000_000_000 + index),
  request_id: 'request',
  tenant: 'acme',
  stream: 'batch',
  category: null,
  campaign: 'autumn',
  mail_from: { address: 'news@example.com', name: 'Acme News' },
  recipient: `recipient-${index}@example.org`,
  recipient_name: null,
  domain: 'example.org',
  isp: 'other',
  site: 'example.org',
  pool: 'batch',
  raw: null,
  blob: null,
  template_id: 'template',
  template_version: 1,
  variables: JSON.stringify({
    first_name: `Anna ${index}`,
    city: 'Berlin',
    title: 'Back in stock',
    items: [1, 2, 3].map((n) => ({ name: `Item ${n}`, price: `${n}9.90 €` })),
  }),
  composed: null,
  headers: [],
  reply_to: null,
  tags: [],
  metadata: {},
  attempt: 0,
  accepted_at: 1_800_000_000_000,
  send_at: null,
  deadline: 0,
  expires_at: 0,
  guarantee: 'at_least_once',
});

const run = async (
  name: string,
  keys: readonly (typeof rsa | typeof ed25519)[],
  source: Template,
): Promise<void> => {
  const facts = messageFacts({
    dkim: keys.length === 0 ? [] : [{ domain: 'example.com', keys }],
    return_path_domain: 'bounce.example.com',
    unsubscribe: {
      url: 'https://example.com/u/{token}',
      mailto: 'u@example.com',
      secret: 'a secret of the bench',
    },
    feedback_id_sender: 'millrace',
  });
  const renderer = new TemplateRenderer();
  const some = async (from: number, to: number): Promise<number> => {
    let bytes = 0;
    for (let at = from; at < to; at += inFlight) {
      const batch = Array.from({ length: inFlight }, (_, index) =>
        prepareMessage(facts, task(at + index), { template: renderer.compiled(source), now: Date.now() }),
      );
      for (const { data } of await Promise.all(batch)) bytes += data.length;
    }
    return bytes;
  };
  await some(0, 3_000);
  const before = process.cpuUsage();
  const startedAt = performance.now();
  const bytes = await some(0, count);
  const { user, system } = process.cpuUsage(before);
  const elapsedMs = performance.now() - startedAt;
  const cpuMs = (user + system) / 1_000 / count;
  process.stdout.write(
    `${name.padEnd(28)} ${cpuMs.toFixed(4)} ms CPU a message, ${Math.round((count / elapsedMs) * 1_000)}/s, ${Math.round(bytes / count)} bytes\n`,
  );
};

const liquid = template('liquid', html);
await run('liquid, unsigned', [], liquid);
await run('handlebars, unsigned', [], template('handlebars', handlebarsHtml));
await run('liquid, ed25519', [ed25519], liquid);
await run('liquid, rsa-2048', [rsa], liquid);
await run('liquid, rsa-2048 + ed25519', [rsa, ed25519], liquid);
rmSync(directory, { recursive: true });
