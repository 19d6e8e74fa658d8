/** Checks a record against the configuration, and names the wrong fields as the caller wrote them. */
import { type RequestProblem, requestLimits, type TenantFacts, validateSendRequest } from '@millrace/core';
import type { SendRequest } from '@millrace/schemas';
import { type FieldError, invalidRequest, ProblemError } from './problem.ts';

/** Paths of the record and what they are called in a request's body; the first that fits. */
const renamings: readonly (readonly [RegExp, string])[] = [
  [/^$/, 'body'],
  [/^mail_from(\.address)?$/, 'from'],
  [/^mail_from\./, 'from.'],
  [/^recipients$/, 'to'],
  [/^recipients(\[\d+\])(\.address)?$/, 'to$1'],
  [/^recipients(\[\d+\])\./, 'to$1.'],
  [/^composed$/, 'text'],
  [/^composed\./, ''],
  [/^template_id$/, 'template'],
  [/^template_version$/, 'template.version'],
];

const callersName = (field: string, request: SendRequest): string => {
  const header = /^headers\[(\d+)\]/.exec(field)?.[1];
  if (header !== undefined) return `headers.${request.headers[Number(header)]?.name ?? header}`;
  const renaming = renamings.find(([pattern]) => pattern.test(field));
  return renaming === undefined ? field : field.replace(...renaming);
};

const decapitalised = (text: string): string =>
  `${text.charAt(0).toLowerCase()}${text.slice(1)}`.replace(/\.$/, '');

/** A raw message above the inline limit goes to the blob store: its length is no problem of the record. */
const willBeBlob = (problem: RequestProblem, request: SendRequest): boolean =>
  problem.field === 'raw' && (request.raw?.length ?? 0) > requestLimits.rawBytes;

/** The problem with a record, or undefined when it may go to Kafka. `now`: ms since the epoch. */
export const problemOf = (
  request: SendRequest,
  facts: TenantFacts,
  now: number,
): ProblemError | undefined => {
  const problems = validateSendRequest(request, facts, now).filter((one) => !willBeBlob(one, request));
  if (request.expires_at !== null && request.expires_at <= now && request.expires_at > 0) {
    return invalidRequest([{ field: 'expires_at', message: 'has passed' }]);
  }
  if (problems.length === 0) return undefined;
  const errors: FieldError[] = problems.map((problem) => ({
    field: callersName(problem.field, request),
    message: decapitalised(problem.text),
  }));
  const [first] = problems;
  if (problems.length === 1 && first?.code === 'from_not_allowed') {
    return new ProblemError('sender-not-allowed', `${first.text} See from_domains of the tenant.`, {
      errors,
    });
  }
  return invalidRequest(errors);
};

/** Bytes of the content and of what every recipient shares; what decides between the record and the blob store. */
export const contentBytes = (request: SendRequest): number => {
  const { raw, composed } = request;
  if (raw !== null) return raw.length;
  if (composed === null) return 0;
  const text = Buffer.byteLength(composed.text ?? '') + Buffer.byteLength(composed.html ?? '');
  return composed.attachments.reduce((sum, attachment) => sum + attachment.content.length, text);
};
