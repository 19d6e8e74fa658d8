/**
 * A fetch session (KIP-227): the broker remembers what a consumer reads, so that a request names only the partitions
 * whose position changed and an answer only those that have something. kafkajs always names all of them. Pure.
 *
 * Whatever goes wrong, the next request is a full one, which ends the session that there is and begins another.
 */

/** A partition, and the offset that is read next. */
export interface WantedPartition {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
}

/** What a fetch request says. */
export interface FetchPlan {
  readonly sessionId: number;
  /** 0: a full request that begins a session. */
  readonly epoch: number;
  readonly wanted: readonly WantedPartition[];
  /** Topics and partitions that are no longer read. */
  readonly forgotten: readonly { readonly topic: string; readonly partition: number }[];
}

const lastEpoch = 2_147_483_647;
const none: FetchPlan['forgotten'] = [];

interface Known {
  readonly topic: string;
  readonly partition: number;
  offset: number;
  /** The number of the request that it was last wanted in. */
  wantedIn: number;
}

export class FetchSession {
  #id = 0;
  #epoch = 0;
  #requests = 0;
  readonly #known = new Map<string, Map<number, Known>>();

  /** The request for `wanted`, which names every partition that is to be read, each once. */
  next(wanted: readonly WantedPartition[]): FetchPlan {
    this.#requests += 1;
    if (this.#epoch === 0) {
      this.#known.clear();
      for (const one of wanted) this.#remember(one);
      // Where the broker keeps no session, the partitions take turns at being the first to be answered.
      const first = this.#requests % Math.max(1, wanted.length);
      return {
        sessionId: this.#id,
        epoch: 0,
        wanted: [...wanted.slice(first), ...wanted.slice(0, first)],
        forgotten: none,
      };
    }
    const changed = wanted.filter((one) => this.#remember(one));
    return { sessionId: this.#id, epoch: this.#epoch, wanted: changed, forgotten: this.#forget() };
  }

  /** The broker answered the latest request. `sessionId` 0: it keeps no session for us. */
  answered(sessionId: number): void {
    this.#id = sessionId;
    this.#epoch = sessionId === 0 ? 0 : this.#epoch === lastEpoch ? 1 : this.#epoch + 1;
  }

  /** The latest request has no answer, or one that the session cannot go on from. */
  restart(): void {
    this.#epoch = 0;
  }

  /** The broker does not know the session. */
  forgottenByBroker(): void {
    this.#id = 0;
    this.#epoch = 0;
  }

  /** Whether the broker has to be told. */
  #remember({ topic, partition, offset }: WantedPartition): boolean {
    let partitions = this.#known.get(topic);
    if (partitions === undefined) {
      partitions = new Map();
      this.#known.set(topic, partitions);
    }
    const known = partitions.get(partition);
    if (known === undefined) {
      partitions.set(partition, { topic, partition, offset, wantedIn: this.#requests });
      return true;
    }
    known.wantedIn = this.#requests;
    if (known.offset === offset) return false;
    known.offset = offset;
    return true;
  }

  #forget(): FetchPlan['forgotten'] {
    let forgotten: Known[] | undefined;
    for (const partitions of this.#known.values()) {
      for (const known of partitions.values()) {
        if (known.wantedIn === this.#requests) continue;
        forgotten ??= [];
        forgotten.push(known);
        partitions.delete(known.partition);
      }
    }
    return forgotten ?? none;
  }
}
