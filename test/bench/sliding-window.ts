/** What came when, counted in windows of time. Times are ms in any order. */

/** Most of them within any `windowMs`, wherever it begins: two that are exactly so far apart are not within it. */
export function mostWithin(times: readonly number[], windowMs: number): number {
  const sorted = Float64Array.from(times).sort();
  let [most, first] = [0, 0];
  for (const [last, at] of sorted.entries()) {
    while (at - (sorted[first] ?? at) >= windowMs) first += 1;
    most = Math.max(most, last - first + 1);
  }
  return most;
}

/** A second, from `fromMs` on for `seconds`. */
export function ratePerSecond(times: readonly number[], fromMs: number, seconds: number): number {
  const untilMs = fromMs + seconds * 1_000;
  return times.filter((at) => at >= fromMs && at < untilMs).length / seconds;
}
