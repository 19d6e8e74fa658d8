/** The HTTP API as an application uses it. */
import assert from 'node:assert/strict';
import type { Endpoints } from '../../infra/pipeline/endpoints.ts';

export interface Sent {
  readonly request_id: string;
  readonly messages: readonly { readonly message_id: string; readonly to: string }[];
}

export class Api {
  readonly #url: string;
  readonly #authorization: string;

  constructor(endpoints: Endpoints) {
    this.#url = endpoints.ingest.http;
    this.#authorization = `Bearer ${endpoints.apiKey}`;
  }

  /** Any call; `body` that is no string is sent as JSON. */
  call(
    method: string,
    path: string,
    body?: unknown,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<Response> {
    return fetch(`${this.#url}${path}`, {
      method,
      headers: {
        authorization: this.#authorization,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
  }

  /** `POST /v1/messages`, which must be taken. */
  async send(body: object, headers: Readonly<Record<string, string>> = {}): Promise<Sent> {
    const response = await this.call('POST', '/v1/messages', body, headers);
    const text = await response.text();
    assert.equal(response.status, 202, text);
    return JSON.parse(text);
  }

  /** The same to one recipient; the id of its message. */
  async sendOne(body: object, headers: Readonly<Record<string, string>> = {}): Promise<string> {
    const { messages } = await this.send(body, headers);
    assert.equal(messages.length, 1);
    return messages[0]?.message_id ?? '';
  }

  async putTemplate(id: string, template: object): Promise<void> {
    const response = await this.call('PUT', `/v1/templates/${id}`, template);
    assert.ok(response.ok, await response.text());
  }

  /** `POST /v1/messages/batch`; the answers, one for each line. */
  async sendLines(
    lines: readonly object[],
  ): Promise<readonly { readonly message_ids?: readonly string[] }[]> {
    const response = await this.call(
      'POST',
      '/v1/messages/batch',
      lines.map((line) => `${JSON.stringify(line)}\n`).join(''),
      { 'content-type': 'application/x-ndjson' },
    );
    assert.equal(response.status, 200);
    return (await response.text())
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line));
  }
}
