/**
 * A control: what changes sending while everything runs, set by an operator or by automation, kept in mail.control.
 * One key holds one control; each key has one kind of writer, so that a rule never overwrites what an operator said.
 */
import type { FoundRate } from '../adaptive-rate.ts';
import type { Isp } from '../isp.ts';
import type { LimitChanges } from '../shaping.ts';
import type { Stream } from '../stream.ts';
import type { ControlScope } from './control-scope.ts';

/** What every control says. */
interface ControlHead {
  /** `<kind>|<scope>`: its key in mail.control. */
  readonly key: string;
  readonly scope: ControlScope;
  /** ms since the epoch, exclusive: not in force from then on. null: until it is undone. */
  readonly until: number | null;
  readonly reason: string;
  /** Who: an operator's name, or `automation:<rule>`, `adaptive`, `warm-up`. */
  readonly author: string;
  /** ms since the epoch. */
  readonly setAt: number;
}

/** Nothing of its scope is sent: where the scope names no stream, on both. */
export interface Suspension extends ControlHead {
  readonly kind: 'suspension';
  /** Only of this stream: what is measured on batch holds up no realtime message of the same campaign or tenant. */
  readonly stream?: Stream;
}

/** An operator's override: wins over the shaping file. Scopes: lane, isp, source. */
export interface LimitsControl extends ControlHead {
  readonly kind: 'limits';
  readonly changes: LimitChanges;
}

/** How a cap is lifted: in steps, not at once. */
export interface Recovery {
  /** ms since the epoch: the cap as it stands holds until then. */
  readonly startsAt: number;
  readonly stepEveryMs: number;
  /** At each step, the first at `startsAt`, rates and connections grow by it. Above 1. */
  readonly factor: number;
}

/** Automation's limits: no more than these, and no more than the file and the operator say. Scopes: lane, isp, source. */
export interface CapControl extends ControlHead {
  readonly kind: 'cap';
  readonly changes: CapChanges;
  /** null: it holds as it is, then ends. */
  readonly recovery: Recovery | null;
}

/** What a cap may limit. */
export type CapChanges = Pick<
  LimitChanges,
  'connections' | 'messagesPerSecond' | 'connectionsPerSecond' | 'deliveriesPerConnection' | 'burst'
>;

/** The rate that probing has found (`adaptive: true`): no more than this. Scope: lane. */
export interface AdaptiveControl extends ControlHead {
  readonly kind: 'adaptive';
  readonly changes: CapChanges;
  /** What probing goes on from; null: of a record that does not say it. */
  readonly found: FoundRate | null;
}

/** Messages of its scope end as `cancelled`, with its reason. */
export interface DropControl extends ControlHead {
  readonly kind: 'drop';
}

/** Messages of its scope leave from another source, or from another pool of the same stream. */
export interface MoveControl extends ControlHead {
  readonly kind: 'move';
  readonly to:
    | { readonly kind: 'source'; readonly name: string }
    | { readonly kind: 'pool'; readonly name: string };
}

/** An operator holds a source's warm-up at its present day. Scope: warmup. */
export interface WarmUpHold extends ControlHead {
  readonly kind: 'hold';
}

/** How far a source's warm-up is: written by the shaper at every change of day, followed by the workers. */
export interface WarmUpProgress extends ControlHead {
  readonly kind: 'warmup';
  /** Name of the plan. */
  readonly plan: string;
  /** Day of the plan that holds on `date`, from 1. */
  readonly day: number;
  /** Calendar day in the plan's time zone, `2026-11-24`. */
  readonly date: string;
  readonly timeZone: string;
  /** Most mails of one calendar day, by provider; a provider that is not named has no cap. Empty: warmed. */
  readonly caps: Readonly<Partial<Record<Isp, number>>>;
  /** Providers that have had the mails of that day. */
  readonly spent: readonly Isp[];
  /** When the next calendar day begins, ms since the epoch. */
  readonly dayEndsAt: number;
  /** Whether the plan is through. */
  readonly completed: boolean;
}

/** The installation's shaping file. A worker that cannot read it keeps the last good one. Scope: shaping. */
export interface ShapingControl extends ControlHead {
  readonly kind: 'shaping';
  readonly yaml: string;
  /** For messages: where the text came from. */
  readonly name: string;
}

export type Control =
  | Suspension
  | LimitsControl
  | CapControl
  | AdaptiveControl
  | DropControl
  | MoveControl
  | WarmUpHold
  | WarmUpProgress
  | ShapingControl;

export type ControlKind = Control['kind'];

/** Whether it is in force at `now`, ms since the epoch. */
export const inForce = (control: Control, now: number): boolean =>
  control.until === null || control.until > now;
