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
  /** The recipients' domain, where the shaping gives it a lane of its own. */
  readonly ownDomain?: string | undefined;
}

/**
 * `batch/gmail/ip1`: hosted domains share their provider's limits, so a known provider is one lane for all its sites.
 * `batch/mx.example.org/ip1`: each site that nobody knows has a lane of its own.
 * `batch/example.com/ip1`: so has a domain that the shaping names, wherever it is hosted.
 */
export const laneKey = ({ stream, isp, site, source, ownDomain }: LaneOf): string =>
  `${stream}/${ownDomain ?? (isp === 'other' ? site : isp)}/${source}`;
