/** What comes back for mail that was sent, and what the next campaign makes of it. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import type { MessageEvent } from '@millrace/schemas';
import { fieldOf } from '../rig/mailboxes.ts';
import { type PipelineInUse, usePipeline } from '../rig/shared-pipeline.ts';

/** What the sandbox does with a recipient of this name, and what that becomes here. */
const answers = [
  { word: 'latebounce', count: 12, event: 'bounced_late', reason: 'bounce', everything: true },
  { word: 'complain', count: 8, event: 'complained', reason: 'complaint', everything: true },
  { word: 'oneclick', count: 8, event: 'unsubscribed', reason: 'unsubscribe', everything: false },
  { word: 'mailtounsub', count: 6, event: 'unsubscribed', reason: 'unsubscribe', everything: false },
] as const;
/** These change nothing. */
const harmless = [
  { word: 'vacation', count: 6, event: 'auto_replied' },
  { word: 'latefull', count: 6, event: 'bounced_late' },
] as const;
const quiet = 150;
const cli = resolve(import.meta.dirname, '../../services/cli/bin/millrace.js');

describe('Feedback', () => {
  let pipeline: PipelineInUse;
  let run: string;
  let category: string;
  before(async () => {
    pipeline = await usePipeline();
    run = pipeline.unique('fb');
    category = `letter-${run}`;
  });
  after(() => pipeline.stop());

  const addresses = (word: string, count: number): string[] =>
    Array.from(
      { length: count },
      (_, index) => `${word}+${run}-${index}@${['gmail.com', 'yahoo.com', 'tail-03.test'][index % 3]}`,
    );

  /** Sends to all of them; the id of each address's message. */
  const campaign = async (to: readonly string[], fields: object): Promise<ReadonlyMap<string, string>> => {
    const { messages } = await pipeline.api.send({
      ...{ from: 'hello@millrace.test', subject: 'A letter', text: 'Hello', stream: 'batch' },
      ...{ to, ...fields },
    });
    return new Map(messages.map((message) => [message.to, message.message_id]));
  };
  const eventOf = (ids: ReadonlyMap<string, string>, to: string, kind: string): Promise<MessageEvent> =>
    pipeline.events.until(ids.get(to) ?? '', (event) => event.kind === kind);
  const lastOf = async (ids: ReadonlyMap<string, string>, to: string): Promise<string> =>
    (await pipeline.events.life(ids.get(to) ?? ''))
      .filter(({ kind }) => ['delivered', 'suppressed', 'bounced'].includes(kind))
      .map(({ kind }) => kind)
      .join();

  test('late bounces, complaints and unsubscriptions are known by message, and the next campaign skips them all', async () => {
    const answering = answers.flatMap(({ word, count }) => addresses(word, count));
    const others = [
      ...harmless.flatMap(({ word, count }) => addresses(word, count)),
      ...addresses('reader', quiet),
    ];
    const first = await campaign([...answering, ...others], { category, campaign: `first-${run}` });
    for (const { word, count, event } of [...answers, ...harmless])
      for (const to of addresses(word, count)) {
        const found = await eventOf(first, to, event);
        assert.equal(found.recipient, to);
        assert.equal(found.tenant, 'local');
        assert.equal(found.campaign, `first-${run}`);
        assert.equal(found.metadata.certainty, 'certain', `${to} by ${found.metadata.matched_by}`);
      }

    const next = await campaign([...answering, ...others], { category, campaign: `second-${run}` });
    for (const to of answering) assert.equal(await lastOf(next, to), 'suppressed', to);
    for (const to of others) assert.equal(await lastOf(next, to), 'delivered', to);

    // Another list, and realtime: who unsubscribed from one list gets them, who bounced or complained does not.
    const one = answers.map(({ word }) => addresses(word, 1)[0] ?? '');
    const other = await campaign(one, { category: `offers-${run}` });
    const realtime = await campaign(one, { category: 'receipt', stream: 'realtime' });
    for (const [index, { everything }] of answers.entries()) {
      const expected = everything ? 'suppressed' : 'delivered';
      assert.equal(await lastOf(other, one[index] ?? ''), expected, one[index]);
      assert.equal(await lastOf(realtime, one[index] ?? ''), expected, one[index]);
    }
  });

  test('the changes of an address name the message and who did it', async () => {
    const [address = ''] = addresses('latebounce', 1);
    const response = await pipeline.api.call(
      'GET',
      `/v1/suppressions/${encodeURIComponent(address)}/changes`,
    );
    const [change] = (await response.text()).split('\n');
    const { author, reason, note } = JSON.parse(change ?? '');
    assert.deepEqual([author, reason], ['feedback', 'bounce']);
    assert.match(note, /5\.1\.1|User unknown|no mailbox/i);
  });

  test('reports of files are imported, each once, and what was undone is not suppressed again by a replay', async () => {
    const to = `imported+${run}@yahoo.com`;
    const id = (await campaign([to], { category })).get(to) ?? '';
    await pipeline.events.life(id);
    const directory = mkdtempSync(join(tmpdir(), 'millrace-import-'));
    const report = [
      'From: MAILER-DAEMON@mx.example',
      'To: bounces@elsewhere.example',
      'Subject: Undelivered Mail Returned to Sender',
      'MIME-Version: 1.0',
      'Content-Type: multipart/report; report-type=delivery-status; boundary=b',
      ...['', '--b', 'Content-Type: text/plain', '', `<${to}>: user unknown`, '', '--b'],
      ...['Content-Type: message/delivery-status', '', 'Reporting-MTA: dns; mx.example', ''],
      ...[`Final-Recipient: rfc822; ${to}`, 'Action: failed', 'Status: 5.1.1'],
      ...['Diagnostic-Code: smtp; 550 5.1.1 User unknown', '', '--b', 'Content-Type: text/rfc822-headers'],
      ...['', `Message-ID: <${id}@millrace.test>`, `To: ${to}`, '', '--b--', ''],
    ].join('\r\n');
    writeFileSync(join(directory, 'report.eml'), report);
    const millrace = async (...argv: readonly string[]): Promise<string> => {
      const { stdout } = await promisify(execFile)(process.execPath, [
        ...[cli, '--config', pipeline.configurationFile, '--json', 'feedback', ...argv],
      ]);
      return stdout;
    };
    const bounces = (): number => pipeline.events.of(id).filter(({ kind }) => kind === 'bounced_late').length;
    const isSuppressed = async (): Promise<boolean> =>
      (await pipeline.api.call('GET', `/v1/suppressions/${encodeURIComponent(to)}`)).ok;
    const until = async (condition: () => boolean | Promise<boolean>): Promise<void> => {
      for (let tries = 0; !(await condition()); tries++) {
        assert.ok(tries < 600, `never: ${condition}`);
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    };
    try {
      assert.deepEqual(JSON.parse(await millrace('import', directory)), { imported: 1, problems: 0 });
      const event = await pipeline.events.until(id, ({ kind }) => kind === 'bounced_late');
      assert.deepEqual([event.recipient, event.metadata.matched_by], [to, 'message_id']);
      await until(isSuppressed);
      await pipeline.api.call('DELETE', `/v1/suppressions/${encodeURIComponent(to)}`);
      await until(async () => !(await isSuppressed()));
      const { replayed }: { replayed: number } = JSON.parse(await millrace('replay', '--since', '10m'));
      assert.ok(replayed >= 1);
      await until(() => bounces() > 1);
      assert.equal(new Set(pipeline.events.of(id).map(({ event_id }) => event_id)).size, 4);
      assert.equal(await isSuppressed(), false);
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  });

  test('to look at the page of a link changes nothing; its button does, and another takes it back', async () => {
    const to = `person+${run}@gmail.com`;
    const list = `page-${run}`;
    await campaign([to], { category: list });
    const mail = await pipeline.mailboxes.one(to);
    const [, path = ''] = /<https:\/\/[^/]+(\/[^>]+)>/.exec(fieldOf(mail, 'list-unsubscribe') ?? '') ?? [];
    const url = `${pipeline.endpoints.feedback.http}${path}`;
    const isSuppressed = async (): Promise<boolean> =>
      (await pipeline.api.call('GET', `/v1/suppressions/${encodeURIComponent(to)}?list=${list}`)).ok;
    const press = async (choice: string): Promise<string> => {
      const answer = await fetch(url, { method: 'POST', body: new URLSearchParams({ choice, list }) });
      assert.equal(answer.status, 200);
      return answer.text();
    };
    const until = async (expected: boolean): Promise<void> => {
      for (let tries = 0; (await isSuppressed()) !== expected; tries++) {
        assert.ok(tries < 200, `never ${expected ? '' : 'un'}suppressed`);
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    };
    const page = await (await fetch(url)).text();
    assert.match(page, /<button>Unsubscribe from “page-/);
    assert.equal(await isSuppressed(), false);
    assert.equal((await fetch(`${url}x`)).status, 404);
    assert.match(await press('unsubscribe'), /You are unsubscribed/);
    await until(true);
    assert.match(await press('subscribe'), /You get this mail again/);
    await until(false);
  });
});
