/** A lane: what a rate, a connection limit and a suspension apply to. */
import type { Isp } from './isp.ts';
import type { Stream } from './stream.ts';

/** Where a message goes and from where, as far as limits are concerned. */
export interface LaneOf {
  readonly stream: Stream;
  readonly isp: Isp;
  /** MX rollup name. */
  readonly site: string;
  /** Name of the egress source. */
  readonly source: string;
}

/**
 * `batch/gmail/ip1`: hosted domains share their provider's limits, so a known provider is one lane for all its sites.
 * `batch/mx.example.org/ip1`: each site that nobody knows has a lane of its own.
 */
export const laneKey = ({ stream, isp, site, source }: LaneOf): string =>
  `${stream}/${isp === 'other' ? site : isp}/${source}`;
