/** Rates of tenants, campaigns and tags with the line that each comes from. */
import { type LimitedFacts, messageLimitsOf } from '@millrace/core';
import { rateText } from './limit-words.ts';
import type { ShapingText } from './shaping-text.ts';

export interface ExplainedMessageLimit {
  /** `tenant acme`, `every tag, to gmail`. */
  readonly of: string;
  /** As the file would write it. */
  readonly value: string;
  /** Line of the file. */
  readonly line: number | null;
}

const explained = ({ shaping, lineOf }: ShapingText, index: number): readonly ExplainedMessageLimit[] => {
  const limit = shaping.messageLimits[index];
  if (limit === undefined) return [];
  const { by, match, isp, stream, rate } = limit;
  const who = match === '*' ? `every ${by}` : `${by} ${match}`;
  const where = [
    ...(isp === undefined ? [] : [`to ${isp}`]),
    ...(stream === undefined ? [] : [`on ${stream}`]),
  ];
  return [
    {
      of: [who, ...where].join(', '),
      value: rateText(rate.perSecond),
      line: lineOf(['limits', index]) ?? null,
    },
  ];
};

/** Those that messages of a lane may have to keep to. */
export const messageLimitsOfLane = (
  source: ShapingText,
  { isp, stream }: Pick<LimitedFacts, 'isp' | 'stream'>,
): readonly ExplainedMessageLimit[] =>
  source.shaping.messageLimits.flatMap((limit, index) =>
    (limit.isp ?? isp) === isp && (limit.stream ?? stream) === stream ? explained(source, index) : [],
  );

/** Those that one message has to keep to, the slowest first, with the buckets that all workers share. */
export const messageLimitsOfMessage = (source: ShapingText, facts: LimitedFacts) =>
  messageLimitsOf(source.shaping.messageLimits, facts).flatMap((limit) =>
    explained(source, limit.index).map((text) => ({ ...text, bucket: limit.bucket, rate: limit.rate })),
  );
