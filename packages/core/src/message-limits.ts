/** Rates of a tenant's, a campaign's or a tag's messages, beside those of their lanes: over all lanes and workers together. */
import type { Isp } from './isp.ts';
import type { RateLimit } from './shaping.ts';
import type { Stream } from './stream.ts';

export type LimitedBy = 'tenant' | 'campaign' | 'tag';

/** One rate that a shaping file sets. */
export interface MessageLimit {
  readonly by: LimitedBy;
  /** A tenant, `tenant/campaign`, or a tag; `*`: each of them has the rate for itself. */
  readonly match: string;
  /** Only to this provider; undefined: to all of them together. */
  readonly isp: Isp | undefined;
  /** Only on this stream; undefined: on both together. */
  readonly stream: Stream | undefined;
  readonly rate: RateLimit;
}

/** What is looked at of a message. */
export interface LimitedFacts {
  readonly tenant: string;
  readonly campaign: string | null;
  readonly tags: readonly string[];
  readonly isp: Isp;
  readonly stream: Stream;
}

/** A rate that a message has to keep to. */
export interface MessageLimitInForce {
  /** Of its bucket: the same on all workers. */
  readonly bucket: string;
  readonly rate: RateLimit;
  /** Place of the limit in the file's list. */
  readonly index: number;
}

const namesOf = (by: LimitedBy, { tenant, campaign, tags }: LimitedFacts): readonly string[] => {
  switch (by) {
    case 'tenant':
      return [tenant];
    case 'campaign':
      return campaign === null ? [] : [`${tenant}/${campaign}`];
    case 'tag':
      return tags;
    default:
      return by satisfies never;
  }
};

/** The rates that a message has to keep to, the slowest first. */
export const messageLimitsOf = (
  limits: readonly MessageLimit[],
  facts: LimitedFacts,
): readonly MessageLimitInForce[] => {
  const found = limits.flatMap(({ by, match, isp, stream, rate }, index) => {
    if (isp !== undefined && isp !== facts.isp) return [];
    if (stream !== undefined && stream !== facts.stream) return [];
    return namesOf(by, facts)
      .filter((name) => match === '*' || match === name)
      .map((name) => ({ bucket: `limit/${by}/${name}/${isp ?? '*'}/${stream ?? '*'}`, rate, index }));
  });
  // Where a name and `*` say something of the same bucket, the one that is written first holds.
  const first = found.filter(
    ({ bucket }, index) => found.findIndex((one) => one.bucket === bucket) === index,
  );
  return first.sort((a, b) => a.rate.perSecond - b.rate.perSecond);
};
