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

/** Whose lane it is: a provider's for all its sites, else a site's; a domain's own, where it has one. */
export const lanePlace = ({ isp, site, ownDomain }: Pick<LaneOf, 'isp' | 'site' | 'ownDomain'>): string =>
  ownDomain ?? (isp === 'other' ? site : isp);

/**
 * `batch/gmail/ip1`: hosted domains share their provider's limits, so a known provider is one lane for all its sites.
 * `batch/mx.example.org/ip1`: each site that nobody knows has a lane of its own.
 * `batch/example.com/ip1`: so has a domain that the shaping names, wherever it is hosted.
 */
export const laneKey = (of: LaneOf): string => `${of.stream}/${lanePlace(of)}/${of.source}`;
