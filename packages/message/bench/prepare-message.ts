/**
 * CPU of one prepared message of 10 KB, by content and key. `node packages/message/bench/prepare-message.ts [N]`.
 * The whole process is counted, libuv's pool included, so `unsigned` is what rendering, MIME and header fields cost; the
 * body's hash and the header's canonical form come with a key.
 */
import { newMessageId } from '@millrace/core';
import { prepareMessage, TemplateRenderer } from '@millrace/message';
import type { DeliveryTask } from '@millrace/schemas';
import type { DkimKey } from '../src/dkim/dkim-key.ts';
import {
  ed25519Key,
  factsWith,
  rsaKey,
  taskWith,
  templateWith,
  unsubscribeSpecimen,
} from '../src/specimen.ts';

const count = Number(process.argv[2] ?? 20_000);
const inFlight = 50;

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

const template = (language: string, source: string) =>
  templateWith({
    language,
    subject: 'Back in stock, {{ first_name }}',
    text: 'Dear {{ first_name }},\n\nthe items that you looked at are back in stock.\n',
    html: source,
  });
const templates = { liquid: template('liquid', html), handlebars: template('handlebars', handlebarsHtml) };

const templated = (index: number): Partial<DeliveryTask> => ({
  template_id: 'welcome',
  template_version: 1,
  variables: JSON.stringify({
    first_name: `Anna ${index}`,
    city: 'Berlin',
    title: 'Back in stock',
    items: [1, 2, 3].map((n) => ({ name: `Item ${n}`, price: `${n}9.90 €` })),
  }),
});
const bytes = Buffer.from(
  `From: news@example.com\r\nTo: bob@example.org\r\nSubject: raw\r\nContent-Type: text/html\r\n\r\n${html.replaceAll('\n', '\r\n')}`,
);
const raw = (): Partial<DeliveryTask> => ({ raw: bytes });

const renderer = new TemplateRenderer();
const taskAt = (index: number, content: Partial<DeliveryTask>): DeliveryTask =>
  taskWith({
    message_id: newMessageId(1_800_000_000_000 + index),
    stream: 'batch',
    campaign: 'autumn',
    recipient: `recipient-${index}@example.org`,
    ...content,
  });

const run = async (
  name: string,
  keys: readonly DkimKey[],
  content: (index: number) => Partial<DeliveryTask>,
  source = templates.liquid,
): Promise<void> => {
  const facts = factsWith(keys, { unsubscribe: unsubscribeSpecimen });
  const some = async (from: number, to: number): Promise<number> => {
    let length = 0;
    for (let at = from; at < to; at += inFlight) {
      const batch = Array.from({ length: inFlight }, (_, index) =>
        prepareMessage(facts, taskAt(at + index, content(at + index)), {
          template: renderer.compiled(source),
          now: Date.now(),
        }),
      );
      for (const { data } of await Promise.all(batch)) length += data.length;
    }
    return length;
  };
  await some(0, 3_000);
  const before = process.cpuUsage();
  const startedAt = performance.now();
  const length = await some(0, count);
  const { user, system } = process.cpuUsage(before);
  const perSecond = Math.round((count / (performance.now() - startedAt)) * 1_000);
  const cpuMs = ((user + system) / 1_000 / count).toFixed(4);
  process.stdout.write(
    `${name.padEnd(28)} ${cpuMs} ms CPU a message, ${perSecond}/s, ${Math.round(length / count)} bytes\n`,
  );
};

await run('liquid, unsigned', [], templated);
await run('liquid, ed25519', [ed25519Key], templated);
await run('liquid, rsa-2048', [rsaKey], templated);
await run('liquid, rsa-2048 + ed25519', [rsaKey, ed25519Key], templated);
await run('handlebars, unsigned', [], templated, templates.handlebars);
await run('raw, unsigned', [], raw);
await run('raw, rsa-2048', [rsaKey], raw);
