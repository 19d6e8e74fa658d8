/** Egress sources and the pools that weigh them: which address, or which relay, a message leaves from. */
import { createHash } from 'node:crypto';
import type { Config, PoolConfig, SourceConfig } from '@millrace/service';

/** One way out. */
export interface EgressSource {
  readonly name: string;
  /** Addresses to send from; undefined: the system chooses. */
  readonly address: string | undefined;
  readonly address6: string | undefined;
  /** Said in EHLO. */
  readonly ehloName: string;
  /** Set: mail goes to this smarthost instead of the recipients' exchangers. */
  readonly relay: SourceConfig['relay'];
  /** Set: this host connects to the exchangers, and `address` and `address6` are its own. */
  readonly proxy: SourceConfig['proxy'];
}

/** A source of a pool. */
export interface PoolMember {
  readonly source: EgressSource;
  readonly weight: number;
  /** Its share of what sources that are being warmed cannot take; undefined: none. */
  readonly overflow?: number | undefined;
}

interface Weighed {
  readonly source: EgressSource;
  readonly weight: number;
  current: number;
}

/** A weighted group of sources. */
export class EgressPool {
  readonly #members: readonly Weighed[];
  /** Those that take what is too much for sources that are being warmed, by their share of it. */
  readonly #overflow: readonly Weighed[];
  /** Each recipient domain has its own source, as long as that one may be used. */
  readonly sticky: boolean;

  constructor(members: readonly PoolMember[], sticky = false) {
    this.#members = members.map(({ source, weight }) => ({ source, weight, current: 0 }));
    this.#overflow = members.flatMap(({ source, overflow }) =>
      overflow === undefined ? [] : [{ source, weight: overflow, current: 0 }],
    );
    this.sticky = sticky;
  }

  get sources(): readonly EgressSource[] {
    return this.#members.map(({ source }) => source);
  }

  /**
   * The next source by smooth weighted round robin: over many messages each has its share, and no source gets its share
   * in one piece. Sources that are not `ready` are passed over while another one is.
   * While sources are being warmed and others take their overflow, they come first: what they have no room for goes to
   * those others, each by its share of it.
   * @param allowed of a source that it does not allow nothing leaves; undefined is the answer where it allows none
   * @param warming whether a source is being warmed
   */
  next(
    ready: (source: EgressSource) => boolean,
    domain: string,
    allowed?: (source: EgressSource) => boolean,
    warming?: (source: EgressSource) => boolean,
  ): EgressSource | undefined {
    const members =
      allowed === undefined ? this.#members : this.#members.filter(({ source }) => allowed(source));
    if (members.length === 1) return members[0]?.source;
    if (this.sticky) return stickyChoice(members, domain)?.source;
    const isReady = ({ source }: Weighed): boolean => ready(source);
    if (
      this.#overflow.length > 0 &&
      warming !== undefined &&
      this.#members.some(({ source }) => warming(source))
    ) {
      const warmed = members.filter((member) => warming(member.source) && isReady(member));
      if (warmed.length > 0) return inTurn(warmed)?.source;
      const takers = this.#overflow.filter(
        ({ source }) => !warming(source) && (allowed === undefined || allowed(source)),
      );
      const free = takers.filter(isReady);
      if (takers.length > 0) return inTurn(free.length > 0 ? free : takers)?.source;
    }
    const able = members.filter(isReady);
    return inTurn(able.length > 0 ? able : members)?.source;
  }
}

/** Smooth weighted round robin. */
const inTurn = (candidates: readonly Weighed[]): Weighed | undefined => {
  let total = 0;
  let best: Weighed | undefined;
  for (const member of candidates) {
    total += member.weight;
    member.current += member.weight;
    if (best === undefined || member.current > best.current) best = member;
  }
  if (best !== undefined) best.current -= total;
  return best;
};

/**
 * Weighted rendezvous hashing: every worker chooses the same, each source has its share of the domains, and where one is
 * away only its own domains go elsewhere.
 */
const stickyChoice = (members: readonly Weighed[], domain: string): Weighed | undefined => {
  let best: Weighed | undefined;
  let highest = Number.NEGATIVE_INFINITY;
  for (const member of members) {
    const score = -member.weight / Math.log(fraction(`${domain} ${member.source.name}`));
    if (best === undefined || score > highest) {
      best = member;
      highest = score;
    }
  }
  return best;
};

/** A text as a number, above 0 and below 1. */
const fraction = (text: string): number =>
  (createHash('sha1').update(text).digest().readUInt32BE(0) + 0.5) / 2 ** 32;

/** The parts of the configuration that say how mail leaves. */
export type EgressConfig = Pick<Config, 'pools' | 'sources'>;

const sourceOf = (name: string, source: SourceConfig, hostName: string): EgressSource => ({
  name,
  address: source.address,
  address6: source.address6,
  ehloName: source.ehlo ?? hostName,
  relay: source.relay,
  proxy: source.proxy,
});

const poolOf = (pool: PoolConfig, sources: ReadonlyMap<string, EgressSource>): PoolMember[] =>
  pool.sources.flatMap(({ source: name, weight, overflow }) => {
    const source = sources.get(name);
    return source === undefined ? [] : [{ source, weight, overflow }];
  });

/** The pools of one stream, by name. `hostName`: EHLO name of sources that have none. */
export const egressPools = (
  config: EgressConfig,
  stream: 'realtime' | 'batch',
  hostName: string,
): ReadonlyMap<string, EgressPool> => {
  const sources = new Map(
    Object.entries(config.sources).map(([name, source]) => [name, sourceOf(name, source, hostName)]),
  );
  return new Map(
    Object.entries(config.pools)
      .filter(([, pool]) => pool.stream === stream)
      .map(([name, pool]) => [name, new EgressPool(poolOf(pool, sources), pool.sticky)]),
  );
};
