/** Which spans are recorded: by the stream that they start with, unless their parent has decided already. */
import { type Attributes, type Context, type SpanKind, TraceFlags, trace } from '@opentelemetry/api';
import {
  type Sampler,
  SamplingDecision,
  type SamplingResult,
  TraceIdRatioBasedSampler,
} from '@opentelemetry/sdk-trace-node';

export interface SampleShares {
  /** 0 to 1. */
  readonly realtime: number;
  /** 0 to 1. */
  readonly batch: number;
}

const sampled: SamplingResult = { decision: SamplingDecision.RECORD_AND_SAMPLED };
/** Recorded, so that it can be exported after all should it fail. */
const recorded: SamplingResult = { decision: SamplingDecision.RECORD };
const dropped: SamplingResult = { decision: SamplingDecision.NOT_RECORD };

/**
 * - A span that starts with `error.type` is always sampled: a failure made known by a span of its own.
 * - A sampled parent samples its children.
 * - Else the share of the stream (attribute `millrace.stream`) decides by the trace id, so that all services agree.
 * - A realtime span that is not sampled is recorded and exported only if it fails; a batch span costs nothing.
 */
export const streamSampler = ({ realtime, batch }: SampleShares): Sampler => {
  const byStream = {
    realtime: new TraceIdRatioBasedSampler(realtime),
    batch: new TraceIdRatioBasedSampler(batch),
  };
  return {
    shouldSample: (
      parent: Context,
      traceId: string,
      _name: string,
      _kind: SpanKind,
      attributes: Attributes,
    ) => {
      if (attributes['error.type'] !== undefined) return sampled;
      const stream = attributes['millrace.stream'] === 'batch' ? 'batch' : 'realtime';
      const above = trace.getSpanContext(parent);
      if (above !== undefined) {
        if ((above.traceFlags & TraceFlags.SAMPLED) !== 0) return sampled;
        return stream === 'batch' ? dropped : recorded;
      }
      if (byStream[stream].shouldSample(parent, traceId).decision !== SamplingDecision.NOT_RECORD)
        return sampled;
      return stream === 'batch' ? dropped : recorded;
    },
    toString: () => `StreamSampler{realtime=${realtime},batch=${batch}}`,
  };
};
