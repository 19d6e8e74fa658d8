/** What the controls of a lane make of the limits that the shaping file gives it. */
import type { LimitChanges, Limits } from '../shaping.ts';
import type { AdaptiveControl, CapChanges, CapControl, LimitsControl } from './control.ts';

export type LimitControl = LimitsControl | CapControl | AdaptiveControl;

/** One control as it stands at a moment. */
export interface LimitsInForce {
  readonly control: LimitControl;
  /** An override replaces what was said before it; a cap only lowers. */
  readonly mode: 'override' | 'cap';
  readonly changes: LimitChanges;
  /** When it will say something else, ms since the epoch; null: not by itself. */
  readonly nextChangeAt: number | null;
}

/** A cap after its recovery's steps so far. */
const recovered = (changes: CapChanges, steps: number, factor: number): CapChanges => {
  const grown = factor ** steps;
  const { connections, deliveriesPerConnection, messagesPerSecond, connectionsPerSecond, burst } = changes;
  return {
    ...(connections !== undefined && { connections: Math.floor(connections * grown) }),
    ...(deliveriesPerConnection !== undefined && { deliveriesPerConnection }),
    ...(messagesPerSecond != null && { messagesPerSecond: messagesPerSecond * grown }),
    ...(connectionsPerSecond != null && { connectionsPerSecond: connectionsPerSecond * grown }),
    ...(burst !== undefined && { burst }),
  };
};

/** What a control says at `now`, ms since the epoch. It is in force. */
export const limitsInForce = (control: LimitControl, now: number): LimitsInForce => {
  const { until } = control;
  if (control.kind === 'limits')
    return { control, mode: 'override', changes: control.changes, nextChangeAt: until };
  const recovery = control.kind === 'cap' ? control.recovery : null;
  if (recovery === null) return { control, mode: 'cap', changes: control.changes, nextChangeAt: until };
  const { startsAt, stepEveryMs, factor } = recovery;
  const steps = now < startsAt ? 0 : 1 + Math.floor((now - startsAt) / stepEveryMs);
  const next = startsAt + steps * stepEveryMs;
  return {
    control,
    mode: 'cap',
    changes: recovered(control.changes, steps, factor),
    nextChangeAt: until === null ? next : Math.min(next, until),
  };
};

const lower = (limit: number | null, cap: number | null | undefined): number | null =>
  cap == null ? limit : limit === null ? cap : Math.min(limit, cap);

/** A burst that was meant for a faster rate is not let through at a slower one. */
const burstFor = (burst: number | null, perSecond: number | null): number | null =>
  burst === null || perSecond === null ? burst : Math.min(burst, Math.max(1, Math.ceil(perSecond / 10)));

const capped = (limits: Limits, cap: LimitChanges): Limits => {
  const messagesPerSecond = lower(limits.messagesPerSecond, cap.messagesPerSecond);
  const slower = messagesPerSecond !== limits.messagesPerSecond;
  return {
    ...limits,
    messagesPerSecond,
    connectionsPerSecond: lower(limits.connectionsPerSecond, cap.connectionsPerSecond),
    connections: Math.min(limits.connections, cap.connections ?? limits.connections),
    deliveriesPerConnection: Math.min(
      limits.deliveriesPerConnection,
      cap.deliveriesPerConnection ?? limits.deliveriesPerConnection,
    ),
    burst: lower(slower ? burstFor(limits.burst, messagesPerSecond) : limits.burst, cap.burst),
  };
};

const overridden = (limits: Limits, changes: LimitChanges): Limits => {
  const { messagesPerSecond, burst } = changes;
  return {
    ...limits,
    ...changes,
    timeouts: { ...limits.timeouts, ...changes.timeouts },
    burst:
      burst !== undefined || messagesPerSecond === undefined
        ? (burst ?? limits.burst)
        : burstFor(limits.burst, messagesPerSecond),
  };
};

/** The limits after these controls, in their order. */
export const applyLimitControls = (limits: Limits, controls: readonly LimitsInForce[]): Limits =>
  controls.reduce(
    (so, { mode, changes }) => (mode === 'cap' ? capped(so, changes) : overridden(so, changes)),
    limits,
  );
