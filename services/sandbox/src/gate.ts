import type { Behaviour } from './behaviour.ts';

const minuteMs = 60_000;
const rememberedSources = 10_000;
const rememberedTriplets = 100_000;

interface SourceState {
  open: number;
  connectionMinute: number;
  connectionsThisMinute: number;
  mailMinute: number;
  mailsThisMinute: number;
  /** When the next mail fits the rate (GCRA's theoretical arrival time), epoch ms. */
  nextMailAt: number;
  penalisedUntil: number;
}

/** Who may come in: the limits of one ISP per source IP. Decides on values; the clock is given. */
export class Gate {
  readonly #sources = new Map<string, SourceState>();
  readonly #triplets = new Map<string, number>();
  readonly #tries = new Map<string, number>();

  /** A connection from this address; false: one too many, and it is not counted as open. */
  enter(address: string, behaviour: Behaviour, now: number): boolean {
    const source = this.#source(address);
    const minute = Math.floor(now / minuteMs);
    if (source.connectionMinute !== minute) {
      source.connectionMinute = minute;
      source.connectionsThisMinute = 0;
    }
    const tooMany = behaviour.connection_limit > 0 && source.open >= behaviour.connection_limit;
    const tooOften =
      behaviour.connections_per_minute > 0 &&
      source.connectionsThisMinute >= behaviour.connections_per_minute;
    if (tooMany || tooOften) return false;
    source.open++;
    source.connectionsThisMinute++;
    return true;
  }

  /** That connection is gone. */
  leave(address: string): void {
    this.#source(address).open--;
  }

  /** Another mail from this address: why it must wait, or undefined. */
  mailProblem(address: string, behaviour: Behaviour, now: number): 'rate_limited' | 'penalised' | undefined {
    const { messages_per_second: rate, messages_burst: burst, hidden_limit: hidden } = behaviour;
    if (rate === 0 && hidden.messages_per_minute === 0) return undefined;
    const source = this.#source(address);
    if (hidden.messages_per_minute > 0) {
      if (now < source.penalisedUntil) return 'penalised';
      const minute = Math.floor(now / minuteMs);
      if (source.mailMinute !== minute) {
        source.mailMinute = minute;
        source.mailsThisMinute = 0;
      }
      source.mailsThisMinute++;
      if (source.mailsThisMinute > hidden.messages_per_minute) {
        source.penalisedUntil = now + hidden.penalty_seconds * 1_000;
        return 'penalised';
      }
    }
    if (rate > 0) {
      const interval = 1_000 / rate;
      const earliest = Math.max(source.nextMailAt, now);
      if (earliest - now > (Math.max(burst, 1) - 1) * interval) return 'rate_limited';
      source.nextMailAt = earliest + interval;
    }
    return undefined;
  }

  /** Whether this triplet has not waited long enough yet, RFC 6647. The network counts, not the single address. */
  greylisted(address: string, from: string, to: string, behaviour: Behaviour, now: number): boolean {
    if (behaviour.greylist_seconds === 0) return false;
    const network = address.includes(':') ? address : address.slice(0, address.lastIndexOf('.'));
    const triplet = `${network} ${from} ${to}`.toLowerCase();
    const first = this.#triplets.get(triplet);
    if (first === undefined) {
      boundedSet(this.#triplets, triplet, now, rememberedTriplets);
      return true;
    }
    return now - first < behaviour.greylist_seconds * 1_000;
  }

  /** Counts a try for this recipient; true while it is one of the first `times`. */
  deferredTry(recipient: string, times: number): boolean {
    const tries = this.#tries.get(recipient) ?? 0;
    if (tries >= times) return false;
    boundedSet(this.#tries, recipient, tries + 1, rememberedTriplets);
    return true;
  }

  /** Forgets rates, penalties and greylisting; open connections stay counted. */
  forget(): void {
    this.#triplets.clear();
    this.#tries.clear();
    for (const [address, source] of this.#sources) {
      if (source.open === 0) this.#sources.delete(address);
      else Object.assign(source, { ...newSource(), open: source.open });
    }
  }

  #source(address: string): SourceState {
    let source = this.#sources.get(address);
    if (!source) {
      source = newSource();
      if (this.#sources.size >= rememberedSources) {
        for (const [old, state] of this.#sources) if (state.open === 0) this.#sources.delete(old);
      }
      this.#sources.set(address, source);
    }
    return source;
  }
}

function newSource(): SourceState {
  return {
    open: 0,
    connectionMinute: 0,
    connectionsThisMinute: 0,
    mailMinute: 0,
    mailsThisMinute: 0,
    nextMailAt: 0,
    penalisedUntil: 0,
  };
}

function boundedSet(map: Map<string, number>, key: string, value: number, limit: number): void {
  if (map.size >= limit) {
    const oldest = map.keys().next();
    if (!oldest.done) map.delete(oldest.value);
  }
  map.set(key, value);
}
