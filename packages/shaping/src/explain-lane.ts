/** Every limit of a lane with the place that it came from. */
import {
  applyLimitControls,
  type LaneOf,
  type LimitName,
  type Limits,
  type LimitsInForce,
  limitOrigins,
  limitsOf,
} from '@millrace/core';
import { limitKeys, limitText } from './limit-words.ts';
import type { ShapingText } from './shaping-text.ts';

export interface ExplainedLimit {
  /** As the file calls it: `connection_limit`, `timeouts.data`. */
  readonly key: string;
  /** As the file would write it. */
  readonly value: string;
  /** The layer that had the last word, `isps.gmail.streams.batch`, or the key of a control; null: built in. */
  readonly origin: string | null;
  /** Line of the file; null: not from the file. */
  readonly line: number | null;
  /** The control that had the last word. */
  readonly control: ExplainedControl | null;
}

export interface ExplainedControl {
  readonly author: string;
  readonly reason: string;
  /** ms since the epoch; null: until it is undone. */
  readonly until: number | null;
}

const names = Object.keys(limitKeys).filter((name): name is LimitName => name in limitKeys);

/**
 * In the order in which files usually have them.
 * @param controls of the lane, in their order
 */
export const explainLane = (
  source: ShapingText,
  lane: LaneOf,
  controls: readonly LimitsInForce[] = [],
): readonly ExplainedLimit[] => {
  const ofFile = limitsOf(source.shaping, lane);
  const { limits, changedBy } = afterControls(ofFile, controls);
  const origins = limitOrigins(source.shaping, lane);
  return names.map((name) => {
    const key = limitKeys[name];
    const value = limitText(limits, name);
    const control = changedBy.get(name);
    if (control !== undefined) {
      const { author, reason, until } = control;
      return { key, value, origin: control.key, line: null, control: { author, reason, until } };
    }
    const origin = origins.get(name);
    const line = (origin && source.lineOf([...origin, ...key.split('.')])) ?? null;
    return { key, value, origin: origin?.join('.') ?? null, line, control: null };
  });
};

const afterControls = (ofFile: Limits, controls: readonly LimitsInForce[]) => {
  const changedBy = new Map<LimitName, LimitsInForce['control']>();
  let limits = ofFile;
  for (const one of controls) {
    const after = applyLimitControls(limits, [one]);
    for (const name of names) {
      if (limitText(after, name) !== limitText(limits, name)) changedBy.set(name, one.control);
    }
    limits = after;
  }
  return { limits, changedBy };
};
