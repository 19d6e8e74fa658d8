/** The form of a recognition table: everything that is known of one origin, as data. */
import { addressPattern } from '../addresses.ts';

/** Signs of an origin; all that are given must match. */
export interface Sign {
  /** Address of the author. */
  readonly from?: RegExp;
  readonly subject?: RegExp;
  /** Words of the report, without the returned message. */
  readonly text?: RegExp;
  /** A header field of the report that is there and matches. */
  readonly field?: readonly [name: string, value: RegExp];
  /** A field of the delivery status that is there and matches. */
  readonly status?: readonly [name: string, value: RegExp];
}

export interface OriginTable {
  readonly origin: string;
  /** One that matches is enough. */
  readonly signs: readonly Sign[];
  /**
   * Where its words name failed recipients: group `address`, or `local` for a user of the author's domain, and
   * `diagnostic` where the answer does not follow it.
   * Each is tried on the words of the report; all that the first matching one finds are taken.
   */
  readonly recipients?: readonly RegExp[];
}

/**
 * A pattern over lines of a report. `ADDR` stands for the failed address, with or without angle brackets, `WS` for
 * spaces and at most two line ends.
 */
export const lines = (source: string): RegExp =>
  new RegExp(
    source
      .replaceAll('ADDR', `(?:<(?:(?:mailto|smtp|SMTP):)?)?(?<address>${addressPattern})>?`)
      .replaceAll('WS', String.raw`[ \t]*(?:\n[ \t]*){0,2}`),
    'gimu',
  );
