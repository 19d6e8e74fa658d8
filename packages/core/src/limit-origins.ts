/** Which place of the shaping each limit of a lane comes from. */
import type { LaneOf } from './lane.ts';
import {
  changesOfLane,
  type LimitChanges,
  type Limits,
  type PhaseTimeouts,
  type Shaping,
} from './shaping.ts';

/** One limit; the time limits one by one. */
export type LimitName = Exclude<keyof Limits, 'timeouts'> | `timeouts.${keyof PhaseTimeouts}`;

/** Keys that lead to the layer which had the last word: `['isps', 'gmail', 'streams', 'batch']`. */
export type LimitOrigin = readonly string[];

const namesIn = ({ timeouts = {}, ...changes }: LimitChanges): string[] => [
  ...Object.keys(changes),
  ...Object.keys(timeouts).map((phase) => `timeouts.${phase}`),
];

/** By the limit's name; what no layer says is built in and has no origin. */
export const limitOrigins = (shaping: Shaping, lane: LaneOf): ReadonlyMap<string, LimitOrigin> => {
  const origins = new Map<string, LimitOrigin>();
  for (const { at, changes } of changesOfLane(shaping, lane)) {
    for (const name of namesIn(changes)) origins.set(name, at);
  }
  return origins;
};
