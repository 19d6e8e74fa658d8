/** A benchmark by its name. */
import type { Bed, BedOptions } from '../bed.ts';
import type { Result } from '../measurement.ts';
import type { SystemUnderTest } from '../system.ts';

export interface Scenario {
  readonly name: string;
  /** One line for `--help`. */
  readonly what: string;
  readonly bed?: Omit<BedOptions, 'progress'>;
  /** Whether it can be run on a mail server beside Millrace. */
  readonly peers: boolean;
  /** `scale`: share of the full size, 1 for the real figures. */
  run(system: SystemUnderTest, bed: Bed, scale: number): Promise<Result>;
}

/** The full size times the scale, at least 10. */
export const scaled = (count: number, scale: number): number => Math.max(10, Math.round(count * scale));
