/** Every limit of a lane with the place that it came from. */
import { type LaneOf, type LimitName, limitOrigins, limitsOf } from '@millrace/core';
import { limitKeys, limitText } from './limit-words.ts';
import type { ShapingText } from './shaping-text.ts';

export interface ExplainedLimit {
  /** As the file calls it: `connection_limit`, `timeouts.data`. */
  readonly key: string;
  /** As the file would write it. */
  readonly value: string;
  /** The layer that had the last word, `isps.gmail.streams.batch`; null: built in. */
  readonly origin: string | null;
  /** Line of the file; null: built in. */
  readonly line: number | null;
}

const names = Object.keys(limitKeys).filter((name): name is LimitName => name in limitKeys);

/** In the order in which files usually have them. */
export const explainLane = ({ shaping, lineOf }: ShapingText, lane: LaneOf): readonly ExplainedLimit[] => {
  const limits = limitsOf(shaping, lane);
  const origins = limitOrigins(shaping, lane);
  return names.map((name) => {
    const key = limitKeys[name];
    const origin = origins.get(name);
    return {
      key,
      value: limitText(limits, name),
      origin: origin?.join('.') ?? null,
      line: (origin && lineOf([...origin, ...key.split('.')])) ?? null,
    };
  });
};
