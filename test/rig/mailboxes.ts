/** What arrived at the sandbox ISPs. */
import assert from 'node:assert/strict';
import type { ReceivedMessage } from '@millrace/sandbox';

const waitMs = 60_000;

export class Mailboxes {
  readonly #url: string;

  constructor(url: string) {
    this.#url = url;
  }

  /** Mails to this recipient; waits until `min` of them are there and checked, newest first. */
  async of(to: string, min = 1): Promise<readonly ReceivedMessage[]> {
    const query = new URLSearchParams({ to, min: String(min), wait_ms: String(waitMs) });
    const found = await this.#get(query);
    assert.ok(found.length >= min, `${found.length} of ${min} mails to ${to} after ${waitMs} ms`);
    return found;
  }

  /** The only mail to this recipient. */
  async one(to: string): Promise<ReceivedMessage> {
    const [mail, ...more] = await this.of(to);
    assert.ok(mail);
    assert.equal(more.length, 0, `${more.length + 1} mails to ${to}`);
    return mail;
  }

  /** What is there now. */
  now(to: string): Promise<readonly ReceivedMessage[]> {
    return this.#get(new URLSearchParams({ to }));
  }

  /** Its source byte for byte. */
  async source(mail: ReceivedMessage): Promise<Buffer> {
    const response = await fetch(`${this.#url}/messages/${mail.id}/raw`);
    assert.equal(response.status, 200);
    return Buffer.from(await response.arrayBuffer());
  }

  async #get(query: URLSearchParams): Promise<readonly ReceivedMessage[]> {
    const response = await fetch(`${this.#url}/messages?${query}`);
    const { messages }: { messages: readonly ReceivedMessage[] } = JSON.parse(await response.text());
    return messages;
  }
}

/** The value of the first field of that name. */
export const fieldOf = (mail: ReceivedMessage, name: string): string | undefined =>
  mail.headers.find((field) => field.name.toLowerCase() === name.toLowerCase())?.value;

/** SPF, DMARC and every DKIM signature pass, and there are as many signatures as `selectors`. */
export function assertAuthenticated(
  mail: ReceivedMessage,
  selectors: readonly string[] = ['ed', 'rsa'],
): void {
  assert.equal(mail.auth.state, 'done');
  assert.equal(mail.auth.spf?.result, 'pass', 'SPF');
  assert.equal(mail.auth.dmarc?.result, 'pass', 'DMARC');
  const signatures = mail.auth.dkim ?? [];
  assert.deepEqual(signatures.map((signature) => signature.selector).sort(), selectors);
  for (const signature of signatures) assert.equal(signature.result, 'pass', signature.comment);
}
