/** What latencies come to. */

/** ms, rounded to hundredths. */
export interface Latency {
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  readonly max: number;
}

/** Nearest-rank percentiles. Throws for no latencies at all. */
export function latencyOf(latenciesMs: readonly number[]): Latency {
  if (latenciesMs.length === 0) throw new RangeError('There are no latencies: nothing arrived.');
  const sorted = Float64Array.from(latenciesMs).sort();
  const at = (share: number): number => {
    const value = sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0;
    return Math.round(value * 100) / 100;
  };
  return { p50: at(0.5), p95: at(0.95), p99: at(0.99), max: at(1) };
}
