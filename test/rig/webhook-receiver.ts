/** An endpoint of webhooks that fails a third of the time, verifies every signature, and counts what it took. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { Webhook } from 'standardwebhooks';

export interface ReceiverOptions {
  /** The same seed refuses the same requests by their numbers. */
  readonly seed: number;
  /** Share of the requests that are answered 503. */
  readonly refusedShare: number;
  /** An event that was refused so often is taken: bounds how long its delays grow. */
  readonly mostRefusals: number;
}

/** What was taken, against what should have been. */
export interface WebhookTally {
  readonly requests: number;
  /** Answered 503. */
  readonly refused: number;
  /** Signatures that were none. */
  readonly forged: number;
  readonly expected: number;
  /** Of the expected ones, each once. */
  readonly received: number;
  readonly missing: number;
  /** Taken and not expected. */
  readonly unexpected: number;
  /** Taken once more. */
  readonly duplicates: number;
  /** Events that came after a later one of their message. */
  readonly orderViolations: number;
}

interface Posted {
  readonly id: string;
  readonly data: { readonly message_id: string };
}

export class WebhookReceiver {
  readonly secret = `whsec_${Buffer.from('the receiver of the tests and benches').toString('base64')}`;
  readonly #options: ReceiverOptions;
  readonly #verifier = new Webhook(this.secret);
  readonly #server = createServer((request, response) => void this.#receive(request, response));
  /** Ids in the order in which they were first taken, by message. */
  readonly #taken = new Map<string, Set<string>>();
  readonly #refusals = new Map<string, number>();
  readonly #random: () => number;
  #events = 0;
  #requests = 0;
  #refused = 0;
  #forged = 0;
  #duplicates = 0;
  #url = '';

  private constructor(options: ReceiverOptions) {
    this.#options = options;
    this.#random = randomFrom(options.seed);
  }

  /** On a free port of 127.0.0.1. */
  static async listen(options: ReceiverOptions): Promise<WebhookReceiver> {
    const receiver = new WebhookReceiver(options);
    receiver.#server.listen(0, '127.0.0.1');
    await once(receiver.#server, 'listening');
    const address = receiver.#server.address();
    if (address === null || typeof address === 'string') throw new Error('The receiver has no port');
    receiver.#url = `http://127.0.0.1:${address.port}/hook`;
    return receiver;
  }

  get url(): string {
    return this.#url;
  }

  /** Different events taken so far. */
  get events(): number {
    return this.#events;
  }

  /** `expected`: ids of the events of each message, in their order. */
  tally(expected: ReadonlyMap<string, ReadonlySet<string>>): WebhookTally {
    let [wanted, received, orderViolations] = [0, 0, 0];
    for (const [message, ids] of expected) {
      const taken = this.#taken.get(message) ?? new Set();
      wanted += ids.size;
      received += [...ids].filter((id) => taken.has(id)).length;
      orderViolations += outOfOrder([...taken], [...ids]);
    }
    return {
      requests: this.#requests,
      refused: this.#refused,
      forged: this.#forged,
      expected: wanted,
      received,
      missing: wanted - received,
      unexpected: this.#events - received,
      duplicates: this.#duplicates,
      orderViolations,
    };
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  async #receive(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const body = Buffer.concat(chunks).toString();
    this.#requests += 1;
    const refuse = this.#random() < this.#options.refusedShare;
    try {
      this.#verifier.verify(body, textHeaders(request));
    } catch {
      this.#forged += 1;
      response.writeHead(401).end();
      return;
    }
    const { events }: { events: readonly Posted[] } = JSON.parse(body);
    if (refuse && events.every(({ id }) => (this.#refusals.get(id) ?? 0) < this.#options.mostRefusals)) {
      this.#refused += 1;
      for (const { id } of events) this.#refusals.set(id, (this.#refusals.get(id) ?? 0) + 1);
      response.writeHead(503).end('not now');
      return;
    }
    for (const event of events) this.#take(event);
    response.writeHead(200).end();
  }

  #take({ id, data: { message_id: message } }: Posted): void {
    const taken = this.#taken.get(message) ?? new Set();
    this.#taken.set(message, taken);
    if (taken.has(id)) this.#duplicates += 1;
    else {
      taken.add(id);
      this.#events += 1;
    }
  }
}

const textHeaders = ({ headers }: IncomingMessage): Record<string, string> =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]));

/** How many stand behind one that should come after them. */
export function outOfOrder(taken: readonly string[], expected: readonly string[]): number {
  let [furthest, violations] = [-1, 0];
  for (const id of taken) {
    const place = expected.indexOf(id);
    if (place === -1) continue;
    if (place < furthest) violations += 1;
    furthest = Math.max(furthest, place);
  }
  return violations;
}

/** From 0 to 1, the same for the same seed: mulberry32. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
