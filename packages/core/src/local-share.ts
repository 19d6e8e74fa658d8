/** What one worker may have of a shared limit while nobody can be asked: together never more than the limit. */

/**
 * Connections of the worker of this rank (0 to workers - 1). What does not divide evenly goes round from turn to turn,
 * so that with more workers than connections each has its time. Of all ranks in one turn the shares sum up to `limit`.
 */
export const connectionShare = (limit: number, workers: number, rank: number, turn: number): number => {
  const each = Math.floor(limit / workers);
  const spare = limit - each * workers;
  if (spare === 0) return each;
  return each + ((rank + turn * spare) % workers < spare ? 1 : 0);
};
