/** The controls of an installation, as every worker follows them from mail.control. Finding those of a message is O(1). */
import type { ControlState } from '@millrace/schemas';
import type { LaneOf } from '../lane.ts';
import {
  type Control,
  type ControlKind,
  type DropControl,
  inForce,
  type MoveControl,
  type ShapingControl,
  type Suspension,
  type WarmUpHold,
  type WarmUpProgress,
} from './control.ts';
import { type ControlFacts, type ScopeKind, scopeName, scopeNamesOf } from './control-scope.ts';
import { type LimitControl, type LimitsInForce, limitsInForce } from './limit-controls.ts';
import { parseControl } from './parse-control.ts';
import { spentToday, warmUpPace } from './warm-up-control.ts';

/** What came of a record. */
export type AppliedControl =
  | { readonly kind: 'set'; readonly control: Control }
  /** `control`: what stood there, if anything. */
  | { readonly kind: 'undone'; readonly key: string; readonly control: Control | undefined }
  /** It is left out; what stood under its key still stands. */
  | { readonly kind: 'refused'; readonly key: string; readonly problem: string };

/** Limits of one lane from its controls. */
export interface LaneControls {
  /** To be applied in this order: `applyLimitControls`, or the third argument of `laneLimits`. */
  readonly inForce: readonly LimitsInForce[];
  /** When to ask again, ms since the epoch; null: at the next change of the table. */
  readonly nextChangeAt: number | null;
}

/** Controls of one kind by their scopes. */
type ByScope<C extends Control> = Map<ScopeKind, Map<string, C>>;
type OfKind<K extends ControlKind> = Extract<Control, { readonly kind: K }>;
type Index = { readonly [K in ControlKind]: ByScope<OfKind<K>> };

/** Most controls: more than that many at once is a mistake, and the table must not grow without bound. */
export const mostControls = 100_000;

const noLimits: LaneControls = { inForce: [], nextChangeAt: null };

/** Weakest first. */
const limitScopes: readonly ScopeKind[] = ['isp', 'source', 'lane'];

export class ControlTable {
  readonly #byKey = new Map<string, Control>();
  readonly #index: Index = {
    suspension: new Map(),
    limits: new Map(),
    cap: new Map(),
    adaptive: new Map(),
    drop: new Map(),
    move: new Map(),
    hold: new Map(),
    warmup: new Map(),
    shaping: new Map(),
  };

  /** Controls, expired ones included. */
  get size(): number {
    return this.#byKey.size;
  }

  /** Takes a record of mail.control; null: its tombstone. */
  apply(key: string, record: ControlState | null): AppliedControl {
    const before = this.#byKey.get(key);
    if (record === null) {
      if (before !== undefined) this.#remove(before);
      return { kind: 'undone', key, control: before };
    }
    const parsed = parseControl(key, record);
    if ('problem' in parsed) return { kind: 'refused', key, problem: parsed.problem };
    if (before === undefined && this.#byKey.size >= mostControls)
      return { kind: 'refused', key, problem: `there are ${mostControls} controls already` };
    if (before !== undefined) this.#remove(before);
    this.#add(parsed.control);
    return { kind: 'set', control: parsed.control };
  }

  /** The control under a key, whether in force or not. */
  get(key: string): Control | undefined {
    return this.#byKey.get(key);
  }

  /** Every control that is in force. */
  list(now: number): readonly Control[] {
    return [...this.#byKey.values()].filter((control) => inForce(control, now));
  }

  /** Of the suspensions, and warm-up days that are used up, that hold these facts back, the one that lasts longest. `until`: null until it is undone. */
  blocking(
    facts: ControlFacts,
    now: number,
  ): { readonly control: Suspension; readonly until: number | null } | undefined {
    let longest: Suspension | undefined;
    this.#each(this.#index.suspension, facts, now, (control) => {
      if (control.stream !== undefined && control.stream !== facts.stream) return;
      if (longest === undefined || lasts(control) > lasts(longest)) longest = control;
    });
    const spent = spentToday(this.#warmUpFor(facts, now), facts.isp, now);
    if (spent !== undefined && (longest === undefined || lasts(spent) > lasts(longest))) longest = spent;
    return longest === undefined ? undefined : { control: longest, until: longest.until };
  }

  /** Why messages of these facts are to end. */
  dropping(facts: ControlFacts, now: number): DropControl | undefined {
    return this.#newest(this.#index.drop, facts, now);
  }

  /** From where messages of these facts leave instead; of several the newest counts. */
  moveOf(facts: ControlFacts, now: number): MoveControl | undefined {
    return this.#newest(this.#index.move, facts, now);
  }

  /** Limits that a lane has from its controls: an operator's first, then what automation, probing and warm-up cap. */
  limitChangesOf(lane: LaneOf, now: number): LaneControls {
    const { limits, cap, adaptive, warmup } = this.#index;
    if (limits.size + cap.size + adaptive.size + warmup.size === 0) return noLimits;
    const found: LimitsInForce[] = [];
    for (const index of [limits, cap, adaptive])
      this.#each<LimitControl>(
        index,
        lane,
        now,
        (control) => found.push(limitsInForce(control, now)),
        limitScopes,
      );
    const pace = warmUpPace(this.#warmUpFor(lane, now), lane.isp, now);
    if (pace !== undefined) found.push(pace);
    const next = found.flatMap(({ nextChangeAt }) => (nextChangeAt === null ? [] : [nextChangeAt]));
    return { inForce: found, nextChangeAt: next.length === 0 ? null : Math.min(...next) };
  }

  /** How far a source's warm-up is; undefined: nobody has said yet. */
  warmUpOf(source: string): WarmUpProgress | undefined {
    return this.#index.warmup.get('warmup')?.get(source);
  }

  /** The hold of a source's warm-up that is in force. */
  holdOf(source: string, now: number): WarmUpHold | undefined {
    const hold = this.#index.hold.get('warmup')?.get(source);
    return hold !== undefined && inForce(hold, now) ? hold : undefined;
  }

  /** The shaping file that was applied last; undefined: the one of the configuration holds. */
  shapingText(now: number): ShapingControl | undefined {
    const shaping = this.#index.shaping.get('shaping')?.get('');
    return shaping !== undefined && inForce(shaping, now) ? shaping : undefined;
  }

  /** Forgets what is not in force any more. */
  sweep(now: number): readonly Control[] {
    const over = [...this.#byKey.values()].filter((control) => !inForce(control, now));
    for (const control of over) this.#remove(control);
    return over;
  }

  #warmUpFor({ source }: Pick<ControlFacts, 'source'>, now: number): WarmUpProgress | undefined {
    if (source === undefined || this.#index.warmup.size === 0) return undefined;
    const progress = this.warmUpOf(source);
    return progress !== undefined && inForce(progress, now) ? progress : undefined;
  }

  #newest<C extends Control>(index: ByScope<C>, facts: ControlFacts, now: number): C | undefined {
    let newest: C | undefined;
    this.#each(index, facts, now, (control) => {
      if (newest === undefined || control.setAt >= newest.setAt) newest = control;
    });
    return newest;
  }

  #each<C extends Control>(
    index: ReadonlyMap<ScopeKind, ReadonlyMap<string, C>>,
    facts: ControlFacts,
    now: number,
    found: (control: C) => void,
    scopes: Iterable<ScopeKind> = index.keys(),
  ): void {
    if (index.size === 0) return;
    for (const scope of scopes) {
      const byName = index.get(scope);
      if (byName === undefined) continue;
      for (const name of scopeNamesOf(scope, facts)) {
        const control = byName.get(name);
        if (control !== undefined && inForce(control, now)) found(control);
      }
    }
  }

  #add(control: Control): void {
    this.#byKey.set(control.key, control);
    const name = scopeName(control.scope);
    const add = <C extends Control>(index: ByScope<C>, one: C): void => {
      const byName = index.get(one.scope.kind) ?? new Map<string, C>();
      byName.set(name, one);
      index.set(one.scope.kind, byName);
    };
    const index = this.#index;
    switch (control.kind) {
      case 'suspension':
        add(index.suspension, control);
        break;
      case 'limits':
        add(index.limits, control);
        break;
      case 'cap':
        add(index.cap, control);
        break;
      case 'adaptive':
        add(index.adaptive, control);
        break;
      case 'drop':
        add(index.drop, control);
        break;
      case 'move':
        add(index.move, control);
        break;
      case 'hold':
        add(index.hold, control);
        break;
      case 'warmup':
        add(index.warmup, control);
        break;
      case 'shaping':
        add(index.shaping, control);
        break;
      default:
        control satisfies never;
    }
  }

  #remove(control: Control): void {
    this.#byKey.delete(control.key);
    const index = this.#index[control.kind];
    const byName = index.get(control.scope.kind);
    byName?.delete(scopeName(control.scope));
    if (byName?.size === 0) index.delete(control.scope.kind);
  }
}

const lasts = (control: Control): number => control.until ?? Number.POSITIVE_INFINITY;
