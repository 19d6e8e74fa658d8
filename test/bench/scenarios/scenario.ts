/** A benchmark by its name. */
import type { Bed, BedOptions } from '../bed.ts';
import type { Result } from '../measurement.ts';
import type { SystemUnderTest } from '../system.ts';

interface Named {
  readonly name: string;
  /** One line for `--help`. */
  readonly what: string;
  readonly bed?: Omit<BedOptions, 'progress'>;
}

/** What mail systems can be compared by. */
export interface Comparison extends Named {
  /** Whether it can be run on a mail server beside Millrace. */
  readonly peers: boolean;
  /** Whether mails are handed over whole; that way is warmed up then too. Default false. */
  readonly whole?: boolean;
  /** `scale`: share of the full size, 1 for the real figures. */
  run(system: SystemUnderTest, bed: Bed, scale: number): Promise<Result>;
}

/** What only Millrace does: with figures of its own. */
export interface Study extends Named {
  readonly peers: false;
  /** `scale`: share of the full size, 1 for the real figures. */
  study(bed: Bed, scale: number, progress: (line: string) => void): Promise<Findings>;
}

export interface Findings {
  /** For people, without line ends. */
  readonly lines: readonly string[];
  /** What `--json` writes as `results`. */
  readonly results: object;
}

export type Scenario = Comparison | Study;

/** The full size times the scale, at least 10. */
export const scaled = (count: number, scale: number): number => Math.max(10, Math.round(count * scale));
