/** Hands mails to the HTTP API, as an application would, and remembers when. */
import { Agent, request } from 'node:http';
import type { Endpoints } from '../../../infra/pipeline/endpoints.ts';
import { preciseNow } from '../sink.ts';

/** When each mail was handed over, by recipient; epoch ms with microseconds. */
export type Submitted = Map<string, number>;

export interface MailToSubmit {
  readonly to: string;
  readonly body: object;
}

/** One connection pool for single messages. */
export class HttpLoad {
  readonly #agent: Agent;
  readonly #url: URL;
  readonly #apiKey: string;

  constructor(endpoints: Endpoints, connections: number) {
    this.#agent = new Agent({ keepAlive: true, maxSockets: connections });
    this.#url = new URL(endpoints.ingest.http);
    this.#apiKey = endpoints.apiKey;
  }

  /** `POST /v1/messages`; resolves with the answer when it is 202, throws otherwise. */
  send(body: object): Promise<string> {
    return this.#call('POST', '/v1/messages', JSON.stringify(body), 202);
  }

  async putTemplate(id: string, template: object): Promise<void> {
    await this.#call('PUT', `/v1/templates/${id}`, JSON.stringify(template), 200, 201);
  }

  close(): void {
    this.#agent.destroy();
  }

  #call(method: string, path: string, body: string, ...expected: readonly number[]): Promise<string> {
    return new Promise((resolve, reject) => {
      const call = request(
        {
          agent: this.#agent,
          host: this.#url.hostname,
          port: this.#url.port,
          method,
          path,
          headers: {
            authorization: `Bearer ${this.#apiKey}`,
            'content-type': 'application/json',
            'content-length': Buffer.byteLength(body),
          },
        },
        (response) => {
          let text = '';
          response.setEncoding('utf8');
          response.on('data', (piece: string) => {
            text += piece;
          });
          response.on('end', () => {
            if (expected.includes(response.statusCode ?? 0)) resolve(text);
            else reject(new Error(`${method} ${path}: ${response.statusCode} ${text}`));
          });
          response.on('error', reject);
        },
      );
      call.on('error', reject);
      call.end(body);
    });
  }
}

const chunkLines = 200;

/**
 * `POST /v1/messages/batch` with all of them as one stream of lines; resolves when every line is answered.
 * Throws for the first line that is refused.
 */
export async function submitBatch(endpoints: Endpoints, mails: Iterable<MailToSubmit>): Promise<Submitted> {
  const submitted: Submitted = new Map();
  const source = mails[Symbol.iterator]();
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      let text = '';
      const now = preciseNow();
      for (let lines = 0; lines < chunkLines; lines += 1) {
        const next = source.next();
        if (next.done) break;
        text += `${JSON.stringify(next.value.body)}\n`;
        submitted.set(next.value.to, now);
      }
      if (text === '') controller.close();
      else controller.enqueue(Buffer.from(text));
    },
  });
  const response = await fetch(`${endpoints.ingest.http}/v1/messages/batch`, {
    method: 'POST',
    headers: { authorization: `Bearer ${endpoints.apiKey}`, 'content-type': 'application/x-ndjson' },
    body,
    duplex: 'half',
  });
  if (!response.ok || response.body === null)
    throw new Error(`POST /v1/messages/batch: ${response.status} ${await response.text()}`);
  let rest = '';
  for await (const piece of response.body.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + piece).split('\n');
    rest = lines.pop() ?? '';
    const refused = lines.find((line) => line.includes('"problem"'));
    if (refused !== undefined) throw new Error(`A line was refused: ${refused}`);
  }
  return submitted;
}

/** Sends one mail every `1/ratePerSecond`, whether or not the others were answered, while `going()`. */
export async function submitPaced(
  load: HttpLoad,
  ratePerSecond: number,
  mailOf: (number: number) => MailToSubmit,
  going: (number: number) => boolean,
): Promise<Submitted> {
  const submitted: Submitted = new Map();
  const answers: Promise<unknown>[] = [];
  const start = performance.now();
  let number = 0;
  await new Promise<void>((resolve) => {
    const timer = setInterval(() => {
      while (going(number) && performance.now() - start >= (number * 1_000) / ratePerSecond) {
        const mail = mailOf(number);
        submitted.set(mail.to, preciseNow());
        answers.push(load.send(mail.body));
        number += 1;
      }
      if (going(number)) return;
      clearInterval(timer);
      resolve();
    }, 1);
  });
  await Promise.all(answers);
  return submitted;
}
