/** Signed requests to one endpoint: Standard Webhooks, within limits of time and size, to no address that is refused. */
import { retryAfterMs, type WebhookEndpoint } from '@millrace/core';
import { Webhook } from 'standardwebhooks';
import { Agent, request } from 'undici';
import { guardedConnector, type Resolve } from './address-guard.ts';

export interface PosterOptions {
  readonly endpoint: WebhookEndpoint;
  readonly mayConnectTo: (address: string) => boolean;
  readonly resolve?: Resolve | undefined;
  readonly ca?: string | undefined;
  /** From connecting to the end of the answer, ms. */
  readonly timeoutMs: number;
}

/** What came of a request. */
export type Posted =
  | { readonly kind: 'taken'; readonly status: number }
  | {
      readonly kind: 'refused';
      /** null: there was no answer. */
      readonly status: number | null;
      readonly error: string;
      /** What it asked for, ms; null: nothing. */
      readonly retryAfterMs: number | null;
    };

/** Of an answer so much is read; what comes beyond ends the connection. */
const mostAnswerBytes = 16_384;
/** Of an answer so much is shown. */
const shownCharacters = 200;
/** A connection that is not used is kept for so long, ms. */
const idleMs = 10_000;

export class Poster {
  readonly #url: string;
  readonly #signers: readonly Webhook[];
  readonly #agent: Agent;
  readonly #timeoutMs: number;

  constructor({ endpoint, mayConnectTo, resolve, ca, timeoutMs }: PosterOptions) {
    this.#url = endpoint.url;
    this.#signers = endpoint.secrets.map((secret) => new Webhook(secret));
    this.#timeoutMs = timeoutMs;
    this.#agent = new Agent({
      connect: guardedConnector({ mayConnectTo, resolve, ca, timeoutMs }),
      connections: endpoint.requests,
      pipelining: 1,
      allowH2: false,
      keepAliveTimeout: idleMs,
      keepAliveMaxTimeout: idleMs,
      headersTimeout: timeoutMs,
      bodyTimeout: timeoutMs,
    });
  }

  /** Never rejects. `id`: webhook-id; `now`: ms since the epoch; `signal` ends it. */
  async post(id: string, body: string, now: number, signal: AbortSignal): Promise<Posted> {
    const limit = AbortSignal.timeout(this.#timeoutMs);
    try {
      const answer = await request(this.#url, {
        method: 'POST',
        dispatcher: this.#agent,
        signal: AbortSignal.any([signal, limit]),
        headers: {
          'content-type': 'application/json',
          'user-agent': 'Millrace-Webhooks/1',
          'webhook-id': id,
          'webhook-timestamp': String(Math.floor(now / 1_000)),
          'webhook-signature': this.#signers.map((one) => one.sign(id, new Date(now), body)).join(' '),
        },
        body,
      });
      const text = await beginningOf(answer.body);
      const { statusCode: status, headers } = answer;
      if (status >= 200 && status < 300) return { kind: 'taken', status };
      const after = headers['retry-after'];
      return {
        kind: 'refused',
        status,
        error: status >= 300 && status < 400 ? `${status}: redirects are not followed` : text,
        retryAfterMs: retryAfterMs(Array.isArray(after) ? after[0] : after, now),
      };
    } catch (error) {
      const text = limit.aborted ? `no answer within ${this.#timeoutMs} ms` : describe(error);
      return { kind: 'refused', status: null, error: text, retryAfterMs: null };
    }
  }

  async stop(): Promise<void> {
    await this.#agent.destroy();
  }
}

const beginningOf = async (body: AsyncIterable<Buffer>): Promise<string> => {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.length;
    chunks.push(chunk);
    if (bytes >= mostAnswerBytes) break;
  }
  return printable(Buffer.concat(chunks).subarray(0, mostAnswerBytes).toString());
};

/** A stranger wrote it. */
const printable = (text: string): string =>
  text
    .replace(/[\p{Cc}\p{Cf}]+/gu, ' ')
    .trim()
    .slice(0, shownCharacters);

const describe = (error: unknown): string => {
  if (!(error instanceof Error)) return String(error);
  const { code } = error as { code?: unknown };
  const text = error.message || String(code ?? error.name);
  return printable(error.cause instanceof Error ? `${text}: ${error.cause.message}` : text);
};
