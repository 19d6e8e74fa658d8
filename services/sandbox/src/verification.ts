import { authenticate } from 'mailauth';
import type { IncomingMail } from './dialogue.ts';
import type { AuthResults } from './message-store.ts';
import type { Verify } from './options.ts';
import { parseMx, type Zone } from './zone.ts';

const sampledOneOf = 100;
const maxWaiting = 2_000;
const maxWaitingBytes = 33_554_432;

interface Waiting {
  readonly mail: IncomingMail;
  readonly content: Buffer;
  readonly done: (results: AuthResults) => void;
}

/** Checks SPF, DKIM and DMARC by mailauth, off the way of the mail: one at a time, from a bounded queue. */
export class Verifier {
  readonly mode: Verify;
  readonly #zone: Zone;
  readonly #failed: (error: Error) => void;
  readonly #waiting: Waiting[] = [];
  #waitingBytes = 0;
  #running = false;
  #stopped = false;
  #seen = 0;
  #done = 0;
  #skipped = 0;

  constructor(mode: Verify, zone: Zone, failed: (error: Error) => void) {
    this.mode = mode;
    this.#zone = zone;
    this.#failed = failed;
  }

  get usage(): { mode: Verify; done: number; skipped: number; waiting: number } {
    return { mode: this.mode, done: this.#done, skipped: this.#skipped, waiting: this.#waiting.length };
  }

  /** Queues a mail; false: it is not checked, because of the mode or because the queue is full. */
  enqueue(mail: IncomingMail, done: (results: AuthResults) => void): boolean {
    const due = this.mode === 'all' || (this.mode === 'sample' && this.#seen++ % sampledOneOf === 0);
    const fits = this.#waiting.length < maxWaiting && this.#waitingBytes + mail.size <= maxWaitingBytes;
    if (!due || !fits) {
      this.#skipped++;
      return false;
    }
    this.#waiting.push({ mail, content: mail.content(), done });
    this.#waitingBytes += mail.size;
    if (!this.#running) {
      this.#running = true;
      setImmediate(() => this.#work());
    }
    return true;
  }

  /** Checks at once, for an ISP that requires authentication. */
  async verify(mail: IncomingMail, content: Buffer): Promise<AuthResults> {
    const found = await authenticate(content, {
      sender: mail.mailFrom,
      ip: mail.client.address,
      helo: mail.client.ehlo,
      mta: 'sandbox.test',
      disableArc: true,
      disableBimi: true,
      resolver: (name, type) => resolveFromZone(this.#zone, name, type),
    });
    return toResults(found);
  }

  stop(): void {
    this.#stopped = true;
    this.#waiting.length = 0;
  }

  async #work(): Promise<void> {
    for (let next = this.#waiting.shift(); next && !this.#stopped; next = this.#waiting.shift()) {
      this.#waitingBytes -= next.mail.size;
      try {
        next.done(await this.verify(next.mail, next.content));
        this.#done++;
      } catch (error) {
        this.#skipped++;
        next.done({ state: 'skipped' });
        this.#failed(error instanceof Error ? error : new Error(String(error)));
      }
      // Mails that wait at the door go first.
      await new Promise<void>((resolve) => {
        setImmediate(resolve);
      });
    }
    this.#running = false;
  }
}

/** Whether a receiver that demands authentication takes the mail: SPF or DKIM passes and DMARC does not fail. */
export function isAuthentic(results: AuthResults): boolean {
  const dkim = results.dkim?.some((signature) => signature.result === 'pass') ?? false;
  return (results.spf?.result === 'pass' || dkim) && results.dmarc?.result !== 'fail';
}

type Found = Awaited<ReturnType<typeof authenticate>>;

function toResults(found: Found): AuthResults {
  const signatures = found.dkim?.results ?? [];
  return {
    state: 'done',
    ...(found.spf ? { spf: { result: found.spf.status.result, domain: found.spf.domain } } : {}),
    dkim: signatures
      .filter((signature) => signature.status.result !== 'none')
      .map((signature) => ({
        result: signature.status.result,
        domain: signature.signingDomain ?? '',
        selector: signature.selector ?? '',
        algorithm: signature.algo ?? '',
        aligned: Boolean(signature.status.aligned),
        ...(signature.status.comment ? { comment: signature.status.comment } : {}),
      })),
    ...(found.dmarc
      ? {
          dmarc: {
            result: found.dmarc.status.result,
            domain: found.dmarc.domain ?? '',
            policy: found.dmarc.p ?? found.dmarc.policy ?? '',
          },
        }
      : {}),
  };
}

/** The zone in the form that mailauth asks, with the error codes of node:dns. */
async function resolveFromZone(zone: Zone, name: string, type: string): Promise<string[][] | string[]> {
  const answer = zone.answer(name, type);
  switch (answer.kind) {
    case 'no_name':
      throw dnsError('ENOTFOUND', name);
    case 'servfail':
      throw dnsError('ESERVFAIL', name);
    case 'silence':
      throw dnsError('ETIMEOUT', name);
    case 'records': {
      const values = answer.records.filter((record) => record.type === type).map((record) => record.value);
      if (values.length === 0) throw dnsError('ENODATA', name);
      if (type === 'TXT') return values.map((value) => [value]);
      // mailauth declares strings and, as node:dns does, takes objects for MX.
      if (type === 'MX') return values.map(nodeMx) as unknown as string[];
      return values;
    }
  }
}

function nodeMx(value: string): { priority: number; exchange: string } {
  const { preference, exchange } = parseMx(value);
  return { priority: preference, exchange };
}

function dnsError(code: string, name: string): Error {
  return Object.assign(new Error(`${code} ${name}`), { code });
}
