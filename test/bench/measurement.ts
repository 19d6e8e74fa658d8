/** From a run to the figures that are printed and written as JSON. */

import type { Submitted } from './load/http-load.ts';
import { type Latency, latencyOf } from './percentiles.ts';
import { measureProcesses, type Watched } from './process-figures.ts';
import { rounded } from './rounded.ts';
import type { Arrived } from './sink.ts';

export interface ProcessResult {
  readonly name: string;
  readonly cpuMsPerMessage: number;
  readonly peakRssMb: number;
}

/** Figures of one system in one scenario. */
export interface Result {
  readonly messages: number;
  readonly lost: number;
  readonly duplicated: number;
  /** From the first handed over to the last that arrived. */
  readonly throughputPerSecond: number;
  /** All processes together, without the sink and the load. */
  readonly cpuMsPerMessage: number;
  /** From handed over to arrived. */
  readonly latencyMs: Latency;
  readonly processes: readonly ProcessResult[];
  readonly kafkaBytesPerMessage?: number;
  /** Parts of the scenario, such as `realtime` and `batch`, or `api` and `smtp`. */
  readonly parts?: Readonly<Record<string, PartResult>>;
}

export interface PartResult {
  readonly messages: number;
  readonly throughputPerSecond: number;
  readonly latencyMs: Latency;
}

/** Latencies of those that arrived. */
export const latenciesOf = (submitted: Submitted, arrived: Arrived): number[] => {
  const latencies: number[] = [];
  for (const [to, at] of submitted) {
    const arrivedAt = arrived.at.get(to);
    if (arrivedAt !== undefined) latencies.push(arrivedAt - at);
  }
  return latencies;
};

/** Figures of those that were submitted together. */
export function partOf(submitted: Submitted, arrived: Arrived): PartResult {
  let [first, last] = [Number.POSITIVE_INFINITY, 0];
  for (const [to, at] of submitted) {
    first = Math.min(first, at);
    last = Math.max(last, arrived.at.get(to) ?? 0);
  }
  const latencies = latenciesOf(submitted, arrived);
  return {
    messages: submitted.size,
    throughputPerSecond: rounded(latencies.length / ((last - first) / 1_000), 1),
    latencyMs: latencyOf(latencies),
  };
}

export interface Measured {
  readonly submitted: Submitted;
  readonly arrived: Arrived;
  readonly parts?: Readonly<Record<string, PartResult>>;
}

/** Runs `scenario` while watching the processes. `kafkaBytes`: of the logs at a moment. */
export async function measure(
  watched: readonly Watched[],
  kafkaBytes: (() => number) | undefined,
  scenario: () => Promise<Measured>,
): Promise<Result> {
  const bytesBefore = kafkaBytes?.() ?? 0;
  const figures = measureProcesses(watched);
  const { submitted, arrived, parts } = await scenario();
  const used = figures();
  const bytes = (kafkaBytes?.() ?? 0) - bytesBefore;
  const whole = partOf(submitted, arrived);
  const delivered = [...submitted.keys()].filter((to) => arrived.at.has(to)).length;
  return {
    messages: submitted.size,
    lost: submitted.size - delivered,
    duplicated: arrived.duplicates,
    throughputPerSecond: whole.throughputPerSecond,
    cpuMsPerMessage: rounded(used.reduce((sum, { cpuMs }) => sum + cpuMs, 0) / delivered, 3),
    latencyMs: whole.latencyMs,
    processes: used.map(({ name, cpuMs, peakRssMb }) => ({
      name,
      cpuMsPerMessage: rounded(cpuMs / delivered, 4),
      peakRssMb,
    })),
    ...(kafkaBytes === undefined ? {} : { kafkaBytesPerMessage: Math.round(bytes / delivered) }),
    ...(parts === undefined ? {} : { parts }),
  };
}
