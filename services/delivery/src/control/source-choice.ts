/** Which source a message leaves from, and whether it may leave at all: pools and weights, then what controls say. */
import {
  type ControlFacts,
  type DropControl,
  type Isp,
  isStream,
  type LaneOf,
  type Suspension,
} from '@millrace/core';
import type { DeliveryTask } from '@millrace/schemas';
import type { EgressPool, EgressSource } from '../egress.ts';
import type { Controls } from './controls.ts';

export type SourceChoice =
  | { readonly kind: 'source'; readonly source: EgressSource }
  | { readonly kind: 'dropped'; readonly control: DropControl }
  /** `source`: from where it would leave. */
  | { readonly kind: 'suspended'; readonly control: Suspension; readonly source: EgressSource }
  | { readonly kind: 'no_pool' };

export interface SourceChoiceParts {
  readonly controls: Pick<Controls, 'table' | 'directs' | 'ownDomain'>;
  /** Of the worker's stream. */
  readonly pools: ReadonlyMap<string, EgressPool>;
  /** Whether a source's lane to this provider or site can take a message soon. */
  readonly hasRoom: (place: Pick<LaneOf, 'isp' | 'site' | 'ownDomain'>, source: EgressSource) => boolean;
  /** ms since the epoch. */
  readonly now: () => number;
}

/** From where a message leaves, and the pool that counts for it. */
interface Way {
  readonly source: EgressSource;
  /** undefined: it was moved to this very source. */
  readonly pool: string | undefined;
}

export class SourceChoices {
  readonly #parts: SourceChoiceParts;
  readonly #sources: ReadonlyMap<string, EgressSource>;
  readonly #all: ReadonlySet<EgressSource>;

  constructor(parts: SourceChoiceParts) {
    this.#parts = parts;
    const sources = [...parts.pools.values()].flatMap((pool) => pool.sources);
    this.#sources = new Map(sources.map((source) => [source.name, source]));
    this.#all = new Set(sources);
  }

  /** Those of the stream. */
  get sources(): ReadonlySet<EgressSource> {
    return this.#all;
  }

  /** Other sources of the message's pool that it may leave from just as well as from this one. */
  readonly alternatives = (task: DeliveryTask, isp: Isp, source: EgressSource): readonly EgressSource[] => {
    const { controls, pools, now } = this.#parts;
    const pool = pools.get(task.pool);
    if (pool === undefined || pool.sticky || !pool.sources.includes(source)) return [];
    const others = pool.sources.filter((other) => other !== source);
    if (!controls.directs) return others;
    const facts = this.#factsOf(task, isp);
    const at = now();
    const { pool: name } = facts;
    return others.filter(
      (other) =>
        this.#wayOf(facts, { source: other, pool: name }, at)?.source === other &&
        controls.table.blocking({ ...facts, source: other.name }, at) === undefined,
    );
  };

  choose(task: DeliveryTask, isp: Isp): SourceChoice {
    const { controls, pools, hasRoom } = this.#parts;
    if (controls.directs) return this.#directed(task, isp);
    const place = this.#placeOf(task, isp);
    const pool = pools.get(task.pool);
    const source = pool?.next(
      (candidate) => hasRoom(place, candidate),
      task.domain,
      undefined,
      this.#isWarming,
    );
    return source === undefined ? { kind: 'no_pool' } : { kind: 'source', source };
  }

  /** Whether a message that waits for this source may go on waiting for it. */
  stays(task: DeliveryTask, isp: Isp, source: EgressSource): boolean {
    const { controls, now } = this.#parts;
    if (!controls.directs) return true;
    const facts = this.#factsOf(task, isp);
    const at = now();
    const pool = this.#poolOf(facts, at);
    const own = { ...facts, pool, source: source.name };
    if (controls.table.dropping(own, at) !== undefined) return false;
    const way = this.#wayOf(facts, { source, pool }, at);
    return way?.source === source && controls.table.blocking({ ...facts, ...namesOf(way) }, at) === undefined;
  }

  /** Whether nothing of the stream may go to this provider, from whichever source. */
  allSuspended(task: DeliveryTask, isp: Isp): boolean {
    const { controls, pools, now } = this.#parts;
    const { stream, site } = this.#factsOf(task, isp);
    const at = now();
    for (const [pool, { sources }] of pools) {
      for (const { name } of sources) {
        if (controls.table.blocking({ stream, isp, site, source: name, pool }, at) === undefined)
          return false;
      }
    }
    return true;
  }

  readonly #isWarming = ({ name }: EgressSource): boolean =>
    this.#parts.controls.table.warmUpOf(name)?.completed === false;

  #placeOf({ site, domain }: DeliveryTask, isp: Isp): Pick<LaneOf, 'isp' | 'site' | 'ownDomain'> {
    return { isp, site, ownDomain: this.#parts.controls.ownDomain(domain) };
  }

  #factsOf(task: DeliveryTask, isp: Isp): ControlFacts & { readonly pool: string } {
    return { ...factsOf(task), ...this.#placeOf(task, isp) };
  }

  #directed(task: DeliveryTask, isp: Isp): SourceChoice {
    const { controls, pools, hasRoom, now } = this.#parts;
    const { table } = controls;
    const at = now();
    const facts = this.#factsOf(task, isp);
    const pool = this.#poolOf(facts, at);
    const members = pools.get(pool);
    if (members === undefined) return { kind: 'no_pool' };
    const blockOf = (way: Way) => table.blocking({ ...facts, ...namesOf(way) }, at);
    const ways = new Map<EgressSource, Way>();
    let suspended: { readonly control: Suspension; readonly source: EgressSource } | undefined;
    for (const candidate of members.sources) {
      const way = this.#wayOf(facts, { source: candidate, pool }, at);
      const block = way === undefined ? undefined : blockOf(way);
      if (way !== undefined && block === undefined) ways.set(candidate, way);
      else if (
        block !== undefined &&
        (suspended === undefined || endsBefore(block.control, suspended.control))
      )
        suspended = { control: block.control, source: candidate };
    }
    const dropped = table.dropping({ ...facts, pool }, at);
    if (dropped !== undefined) return { kind: 'dropped', control: dropped };
    if (ways.size === 0)
      return suspended === undefined ? { kind: 'no_pool' } : { kind: 'suspended', ...suspended };
    const chosen = members.next(
      (candidate) => {
        const way = ways.get(candidate);
        return way !== undefined && hasRoom(facts, way.source);
      },
      task.domain,
      (candidate) => ways.has(candidate),
      this.#isWarming,
    );
    const way = chosen === undefined ? undefined : ways.get(chosen);
    if (way === undefined) return { kind: 'no_pool' };
    const droppedHere = table.dropping({ ...facts, ...namesOf(way) }, at);
    if (droppedHere !== undefined) return { kind: 'dropped', control: droppedHere };
    return { kind: 'source', source: way.source };
  }

  /** The pool that a message leaves from: its own, or the one that it was moved to. */
  #poolOf(facts: ControlFacts & { readonly pool: string }, at: number): string {
    const to = this.#parts.controls.table.moveOf(facts, at)?.to;
    return to?.kind === 'pool' && this.#parts.pools.has(to.name) ? to.name : facts.pool;
  }

  /** Where a message really leaves from when this source was chosen. Undefined: from nowhere that is known here. */
  #wayOf(facts: ControlFacts, way: Way, at: number): Way | undefined {
    const to = this.#parts.controls.table.moveOf({ ...facts, ...namesOf(way) }, at)?.to;
    if (to === undefined || to.name === way.pool) return way;
    if (to.kind === 'source') {
      const source = this.#sources.get(to.name);
      return source === undefined ? way : { source, pool: undefined };
    }
    const { table } = this.#parts.controls;
    const members = this.#parts.pools.get(to.name)?.sources ?? [];
    const free = members.find(
      ({ name }) => table.blocking({ ...facts, source: name, pool: to.name }, at) === undefined,
    );
    const source = free ?? members[0];
    return source === undefined ? way : { source, pool: to.name };
  }
}

const namesOf = ({ source, pool }: Way): { readonly source: string; readonly pool?: string } =>
  pool === undefined ? { source: source.name } : { source: source.name, pool };

const endsBefore = (a: Suspension, b: Suspension): boolean =>
  (a.until ?? Number.POSITIVE_INFINITY) < (b.until ?? Number.POSITIVE_INFINITY);

/** What controls look at of a message. */
const factsOf = (task: DeliveryTask) => ({
  stream: isStream(task.stream) ? task.stream : ('batch' as const),
  pool: task.pool,
  tenant: task.tenant,
  campaign: task.campaign,
  domain: task.domain,
  senderDomain: task.mail_from.address.slice(task.mail_from.address.lastIndexOf('@') + 1).toLowerCase(),
});
