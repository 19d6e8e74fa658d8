/** The server span of one message by SMTP: from DATA to the reply after its final dot, as HTTP has one for a request. */
import {
  type Attributes,
  context,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api';
import type { SMTPServerSession } from 'smtp-server';

const tracer = trace.getTracer('@millrace/ingest');

export interface DataSpan {
  /** Runs inside the span. `attributes` come first: the sampler looks at the stream, which only the header tells. */
  within<T>(attributes: Attributes, run: () => T): T;
  /** Ends it with the reply code. Where nothing ran inside, it is made now. */
  end(replyCode: number): void;
}

/** Begins now; SMTP brings no trace of the client's, so it is a root. */
export const dataSpan = (session: SMTPServerSession): DataSpan => {
  const startTime = Date.now();
  let span: Span | undefined;
  const open = (attributes: Attributes): Span => {
    span ??= tracer.startSpan(
      'SMTP DATA',
      {
        kind: SpanKind.SERVER,
        startTime,
        attributes: {
          'network.protocol.name': 'smtp',
          'client.address': session.remoteAddress,
          ...(session.secure ? { 'tls.protocol.name': 'tls' } : {}),
          ...attributes,
        },
      },
      ROOT_CONTEXT,
    );
    return span;
  };
  return {
    within: (attributes, run) => context.with(trace.setSpan(ROOT_CONTEXT, open(attributes)), run),
    end: (replyCode) => {
      const ended = open({});
      ended.setAttribute('millrace.smtp.reply_code', replyCode);
      // As with HTTP: what the client did wrong is no failure of the server.
      if (replyCode >= 400 && replyCode < 500) ended.setStatus({ code: SpanStatusCode.ERROR });
      ended.end();
    },
  };
};
