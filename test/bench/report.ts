/** Figures for people, and the JSON for programs. */
import type { PartResult, Result } from './measurement.ts';
import type { Latency } from './percentiles.ts';

const latencyText = ({ p50, p95, p99, max }: Latency): string =>
  `p50 ${p50} ms, p95 ${p95} ms, p99 ${p99} ms, max ${max} ms`;

/** Some lines, without line ends. */
export function reportLines(system: string, result: Result): readonly string[] {
  const widest = Math.max(...result.processes.map(({ name }) => name.length));
  return [
    `${system}: ${result.messages} messages, ${result.lost} lost, ${result.duplicated} duplicated`,
    `  throughput  ${result.throughputPerSecond}/s`,
    `  latency     ${latencyText(result.latencyMs)}`,
    ...Object.entries(result.parts ?? {}).map(
      ([name, part]: readonly [string, PartResult]) =>
        `    ${name.padEnd(10)}${part.messages} at ${part.throughputPerSecond}/s, ${latencyText(part.latencyMs)}`,
    ),
    `  CPU         ${result.cpuMsPerMessage} ms a message`,
    ...result.processes.map(
      ({ name, cpuMsPerMessage, peakRssMb }) =>
        `    ${name.padEnd(widest)}  ${cpuMsPerMessage.toFixed(4)} ms, peak RSS ${peakRssMb} MB`,
    ),
    ...(result.kafkaBytesPerMessage === undefined
      ? []
      : [`  Kafka       ${result.kafkaBytesPerMessage} bytes a message written`]),
  ];
}

/** The object that `--json` writes: parts stand beside the figures, e.g. `millrace.realtime.latencyMs`. */
export const reportJson = (scenario: string, results: Readonly<Record<string, Result>>): object => ({
  scenario,
  results: Object.fromEntries(
    Object.entries(results).map(([system, { parts, ...figures }]) => [system, { ...figures, ...parts }]),
  ),
});
