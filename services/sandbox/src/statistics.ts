/** Counters of one ISP, since the start or the last clear. */
export interface IspStats {
  readonly connections: {
    readonly open: number;
    readonly max_open: number;
    readonly total: number;
    /** Turned away by the connection limits. */
    readonly refused: number;
    readonly tls: number;
  };
  readonly mails: {
    readonly accepted: number;
    readonly bytes: number;
    /** Mails that came over TLS. */
    readonly tls: number;
    /** Answered 4xx / 5xx, by what caused it: `rate_limited`, `greylisted`, `random`, `mailbox` ... */
    readonly deferred: Readonly<Record<string, number>>;
    readonly rejected: Readonly<Record<string, number>>;
    /** Connection dropped in the middle of DATA, or after the dot before the reply. */
    readonly dropped: Readonly<Record<string, number>>;
    readonly max_per_connection: number;
  };
  /** By source IP. */
  readonly sources: Readonly<
    Record<
      string,
      {
        readonly accepted: number;
        readonly max_open: number;
        /** Most mails accepted within one second of the clock, and when. */
        readonly worst_second: { readonly at: number; readonly accepted: number };
        /** Mails accepted in each of the last seconds, oldest first, the present one last. */
        readonly last_seconds: readonly number[];
      }
    >
  >;
  /** Results by name: `pass`, `fail`, `none` ... */
  readonly auth: {
    readonly spf: Readonly<Record<string, number>>;
    readonly dkim: Readonly<Record<string, number>>;
    readonly dmarc: Readonly<Record<string, number>>;
  };
}

/** `GET /stats`. */
export interface SandboxStats {
  readonly since: number;
  readonly now: number;
  readonly accepted: number;
  readonly kept: { readonly messages: number; readonly bytes: number; readonly forgotten: number };
  readonly verification: {
    readonly mode: string;
    readonly done: number;
    readonly skipped: number;
    readonly waiting: number;
  };
  readonly dns: { readonly queries: number; readonly answers: Readonly<Record<string, number>> };
  readonly isps: Readonly<Record<string, IspStats>>;
}

const ringSeconds = 600;
const sourcesListed = 256;

/** Mails accepted per second of one source IP: the last ten minutes and the worst second ever. */
class SecondRing {
  accepted = 0;
  open = 0;
  maxOpen = 0;
  worstAt = 0;
  worst = 0;
  #last = 0;
  readonly #counts = new Uint32Array(ringSeconds);

  add(now: number): void {
    this.#advance(now);
    const slot = this.#last % ringSeconds;
    const count = (this.#counts[slot] ?? 0) + 1;
    this.#counts[slot] = count;
    this.accepted++;
    if (count > this.worst) {
      this.worst = count;
      this.worstAt = this.#last * 1_000;
    }
  }

  lastSeconds(now: number): number[] {
    this.#advance(now);
    const counts: number[] = [];
    // A plain loop: this is done for every source of every ISP each time that the counters are asked for.
    for (let second = this.#last + 1; second <= this.#last + ringSeconds; second++) {
      counts.push(this.#counts[second % ringSeconds] ?? 0);
    }
    return counts;
  }

  #advance(now: number): void {
    const second = Math.floor(now / 1_000);
    if (second <= this.#last) return;
    if (second - this.#last >= ringSeconds) this.#counts.fill(0);
    else for (let at = this.#last + 1; at <= second; at++) this.#counts[at % ringSeconds] = 0;
    this.#last = second;
  }
}

/** Counts what one ISP sees. */
export class IspCounters {
  #connectionsOpen = 0;
  #connectionsMaxOpen = 0;
  #connectionsTotal = 0;
  #connectionsRefused = 0;
  #connectionsTls = 0;
  #accepted = 0;
  #bytes = 0;
  #acceptedTls = 0;
  #maxPerConnection = 0;
  readonly #deferred = new Map<string, number>();
  readonly #rejected = new Map<string, number>();
  readonly #dropped = new Map<string, number>();
  readonly #sources = new Map<string, SecondRing>();
  readonly #spf = new Map<string, number>();
  readonly #dkim = new Map<string, number>();
  readonly #dmarc = new Map<string, number>();

  get accepted(): number {
    return this.#accepted;
  }

  connected(source: string): void {
    this.#connectionsTotal++;
    this.#connectionsOpen++;
    this.#connectionsMaxOpen = Math.max(this.#connectionsMaxOpen, this.#connectionsOpen);
    const ring = this.#ring(source);
    ring.open++;
    ring.maxOpen = Math.max(ring.maxOpen, ring.open);
  }

  disconnected(source: string): void {
    this.#connectionsOpen--;
    this.#ring(source).open--;
  }

  refused(): void {
    this.#connectionsTotal++;
    this.#connectionsRefused++;
  }

  secured(): void {
    this.#connectionsTls++;
  }

  mailAccepted(source: string, bytes: number, tls: boolean, ofConnection: number, now: number): void {
    this.#accepted++;
    this.#bytes += bytes;
    if (tls) this.#acceptedTls++;
    if (ofConnection > this.#maxPerConnection) this.#maxPerConnection = ofConnection;
    this.#ring(source).add(now);
  }

  /** A 4xx or 5xx for a mail, and why. */
  mailRefused(code: number, cause: string): void {
    increment(code < 500 ? this.#deferred : this.#rejected, cause);
  }

  mailDropped(where: 'mid_data' | 'before_reply'): void {
    increment(this.#dropped, where);
  }

  authenticated(results: { spf?: string; dkim?: readonly string[]; dmarc?: string }): void {
    if (results.spf) increment(this.#spf, results.spf);
    if (results.dmarc) increment(this.#dmarc, results.dmarc);
    for (const result of results.dkim ?? []) increment(this.#dkim, result);
  }

  snapshot(now: number): IspStats {
    return {
      connections: {
        open: this.#connectionsOpen,
        max_open: this.#connectionsMaxOpen,
        total: this.#connectionsTotal,
        refused: this.#connectionsRefused,
        tls: this.#connectionsTls,
      },
      mails: {
        accepted: this.#accepted,
        bytes: this.#bytes,
        tls: this.#acceptedTls,
        deferred: Object.fromEntries(this.#deferred),
        rejected: Object.fromEntries(this.#rejected),
        dropped: Object.fromEntries(this.#dropped),
        max_per_connection: this.#maxPerConnection,
      },
      sources: Object.fromEntries(
        [...this.#sources].map(([address, ring]) => [
          address,
          {
            accepted: ring.accepted,
            max_open: ring.maxOpen,
            worst_second: { at: ring.worstAt, accepted: ring.worst },
            last_seconds: ring.lastSeconds(now),
          },
        ]),
      ),
      auth: {
        spf: Object.fromEntries(this.#spf),
        dkim: Object.fromEntries(this.#dkim),
        dmarc: Object.fromEntries(this.#dmarc),
      },
    };
  }

  /** Back to zero; connections that are open stay counted. */
  clear(): void {
    this.#connectionsMaxOpen = this.#connectionsOpen;
    this.#connectionsTotal = this.#connectionsOpen;
    this.#connectionsRefused = 0;
    this.#connectionsTls = 0;
    this.#accepted = 0;
    this.#bytes = 0;
    this.#acceptedTls = 0;
    this.#maxPerConnection = 0;
    for (const counts of [this.#deferred, this.#rejected, this.#dropped]) counts.clear();
    for (const counts of [this.#spf, this.#dkim, this.#dmarc]) counts.clear();
    // A copy: what is put back while iterating would come again.
    for (const [address, ring] of [...this.#sources]) {
      const open = ring.open;
      this.#sources.delete(address);
      if (open === 0) continue;
      const fresh = this.#ring(address);
      fresh.open = open;
      fresh.maxOpen = open;
    }
  }

  // Sources beyond the first few hundred are counted together.
  #ring(source: string): SecondRing {
    const known = this.#sources.get(source);
    if (known) return known;
    const name = this.#sources.size < sourcesListed ? source : 'other';
    const ring = this.#sources.get(name) ?? new SecondRing();
    this.#sources.set(name, ring);
    return ring;
  }
}

function increment(counts: Map<string, number>, name: string): void {
  counts.set(name, (counts.get(name) ?? 0) + 1);
}

/** Snapshots by ISP name. */
export function snapshotAll(
  servers: ReadonlyMap<string, { readonly counters: IspCounters }>,
  now: number,
): Record<string, IspStats> {
  return Object.fromEntries([...servers].map(([name, server]) => [name, server.counters.snapshot(now)]));
}
