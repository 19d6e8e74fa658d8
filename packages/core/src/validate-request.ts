/** Everything that can be wrong with a SendRequest; ingest asks before it answers, the router asks again for Avro producers. */
import type { Composed, Header, SendRequest } from '@millrace/schemas';
import { parseAddress } from './address.ts';
import { classifyStream, isGuarantee, mayBeAtMostOnce } from './classify-stream.ts';
import { isMessageId } from './message-id.ts';
import { isStream } from './stream.ts';
import { maySendFrom, poolFor, type TenantFacts } from './tenant-facts.ts';

/** One thing that is wrong. */
export interface RequestProblem {
  /** Path in the SendRequest record: `recipients[3].address`. */
  readonly field: string;
  /** Stable, for programs. */
  readonly code: string;
  /** For people. */
  readonly text: string;
}

/** Limits of a request. Lengths in UTF-16 units where not said otherwise. */
export const requestLimits = {
  recipients: 1_000,
  rawBytes: 524_288,
  /** Further than this ahead a send_at is refused, ms. */
  sendAheadMs: 90 * 86_400_000,
  /** How far a producer's clock may run ahead, ms. */
  clockSkewMs: 600_000,
  headers: 100,
  headerLength: 8_192,
  subjectLength: 998,
  nameLength: 256,
  tags: 50,
  tagLength: 128,
  metadataEntries: 50,
  metadataLength: 1_024,
  wordLength: 128,
  variablesLength: 262_144,
} as const;

/** Written by Millrace, or structural: a request that names one would contradict the mail that is made. */
const reservedHeaders: ReadonlySet<string> = new Set([
  'bcc',
  'cc',
  'content-transfer-encoding',
  'content-type',
  'date',
  'dkim-signature',
  'feedback-id',
  'from',
  'message-id',
  'mime-version',
  'received',
  'reply-to',
  'return-path',
  'sender',
  'subject',
  'to',
]);

/** Whether a request or a template may not set this header field, whatever its case. */
export const isReservedHeader = (name: string): boolean => reservedHeaders.has(name.toLowerCase());

const headerName = /^[!-9;-~]{1,76}$/;
const lineBreaking = /[\0\r\n]/;
const control = /\p{Cc}/u;
const mediaType = /^[a-z0-9!#$&^_.+-]+\/[a-z0-9!#$&^_.+-]+(?:;[ -~]*)?$/i;

type Report = (field: string, code: string, text: string) => void;

const checkWord = (field: string, value: string | null, report: Report): void => {
  if (value === null) return;
  if (value === '') report(field, 'empty', 'It is empty; leave it out instead.');
  else if (value.length > requestLimits.wordLength || control.test(value)) {
    report(field, 'bad_name', `It is longer than ${requestLimits.wordLength} or holds a control character.`);
  }
};

const checkLine = (field: string, value: string | null, limit: number, report: Report): void => {
  if (value === null) return;
  if (lineBreaking.test(value)) {
    report(field, 'line_break', 'It holds a line break or a NUL, which would end the header field.');
  } else if (value.length > limit) report(field, 'too_long', `It is longer than ${limit} characters.`);
};

const checkJsonObject = (field: string, value: string | null, report: Report): void => {
  if (value === null) return;
  if (value.length > requestLimits.variablesLength) {
    report(field, 'too_long', `It is longer than ${requestLimits.variablesLength} characters.`);
    return;
  }
  let parsed: unknown;
  try {
    parsed = JSON.parse(value);
  } catch (error) {
    report(field, 'bad_json', error instanceof Error ? error.message : 'It is not JSON.');
    return;
  }
  if (parsed === null || typeof parsed !== 'object' || Array.isArray(parsed)) {
    report(field, 'not_an_object', 'Variables must be a JSON object.');
  }
};

const checkAddress = (field: string, value: string, report: Report): string | undefined => {
  const parsed = parseAddress(value);
  if (parsed.kind === 'address') return parsed.ascii;
  report(field, parsed.code, parsed.text);
  return undefined;
};

const checkHeaders = (headers: readonly Header[], report: Report): void => {
  if (headers.length > requestLimits.headers) {
    report('headers', 'too_many', `At most ${requestLimits.headers} header fields.`);
    return;
  }
  headers.forEach(({ name, value }, index) => {
    if (!headerName.test(name)) {
      report(`headers[${index}].name`, 'bad_header_name', 'It is not a header field name (RFC 5322 3.6.8).');
    } else if (isReservedHeader(name)) {
      report(
        `headers[${index}].name`,
        'reserved_header',
        `${name} is written by Millrace or has a field of its own.`,
      );
    }
    checkLine(`headers[${index}].value`, value, requestLimits.headerLength, report);
  });
};

const checkComposed = (composed: Composed, report: Report): void => {
  checkLine('composed.subject', composed.subject, requestLimits.subjectLength, report);
  if (composed.text === null && composed.html === null) {
    report('composed', 'no_body', 'A composed message needs text or html.');
  }
  composed.attachments.forEach((attachment, index) => {
    const field = `composed.attachments[${index}]`;
    checkLine(`${field}.filename`, attachment.filename, requestLimits.nameLength, report);
    if (!mediaType.test(attachment.content_type)) {
      report(`${field}.content_type`, 'bad_media_type', 'It is not a media type such as image/png.');
    }
    checkLine(`${field}.content_id`, attachment.content_id, requestLimits.nameLength, report);
  });
};

const checkContent = (request: SendRequest, report: Report): void => {
  const given = [
    request.raw === null ? '' : 'raw',
    request.blob === null ? '' : 'blob',
    request.template_id === null ? '' : 'template_id',
    request.composed === null ? '' : 'composed',
  ].filter((name) => name !== '');
  if (given.length !== 1) {
    const found = given.length === 0 ? 'none is' : `${given.join(' and ')} are`;
    report(
      '',
      'one_content',
      `Exactly one of raw, blob, template_id and composed is needed; ${found} given.`,
    );
    return;
  }
  if (request.raw?.length === 0) report('raw', 'empty', 'The message is empty.');
  if (request.raw !== null && request.raw.length > requestLimits.rawBytes) {
    report('raw', 'too_long', `Above ${requestLimits.rawBytes} bytes a message belongs in the blob store.`);
  }
  if (request.blob === '') report('blob', 'empty', 'The reference is empty.');
  checkWord('template_id', request.template_id, report);
  if (request.template_version !== null && (request.template_id === null || request.template_version < 1)) {
    report('template_version', 'bad_version', 'It belongs to a template_id and counts from 1.');
  }
  if (request.composed !== null) checkComposed(request.composed, report);
  if (request.headers.length > 0 && (request.raw !== null || request.blob !== null)) {
    report('headers', 'not_for_raw', 'A raw message carries its own header fields.');
  }
  checkJsonObject('variables', request.variables, report);
};

const checkRecipients = (request: SendRequest, report: Report): void => {
  const { recipients } = request;
  if (recipients.length === 0) report('recipients', 'empty', 'At least one recipient is needed.');
  if (recipients.length > requestLimits.recipients) {
    report('recipients', 'too_many', `At most ${requestLimits.recipients} recipients.`);
    return;
  }
  const ids = new Set<string>();
  recipients.forEach((recipient, index) => {
    const field = `recipients[${index}]`;
    checkAddress(`${field}.address`, recipient.address, report);
    checkLine(`${field}.name`, recipient.name, requestLimits.nameLength, report);
    checkJsonObject(`${field}.variables`, recipient.variables, report);
    const id = recipient.message_id;
    if (id === null) return;
    if (!isMessageId(id)) report(`${field}.message_id`, 'bad_message_id', 'It is not a lower-case UUIDv7.');
    else if (ids.has(id)) report(`${field}.message_id`, 'duplicate', 'Two recipients have this message_id.');
    ids.add(id);
  });
};

const checkTimes = (request: SendRequest, now: number, report: Report): void => {
  const latest = now + requestLimits.clockSkewMs;
  if (request.accepted_at < 0 || request.accepted_at > latest) {
    report('accepted_at', 'bad_time', 'It is not a time up to now, in ms since the epoch.');
  }
  if (request.send_at !== null && request.send_at > now + requestLimits.sendAheadMs) {
    report('send_at', 'too_far', 'At most 90 days ahead.');
  }
  if (request.send_at !== null && request.send_at < 0) {
    report('send_at', 'bad_time', 'It is not a time in ms since the epoch.');
  }
  if (
    request.expires_at !== null &&
    request.expires_at <= Math.max(request.send_at ?? 0, request.accepted_at)
  ) {
    report('expires_at', 'before_start', 'It is not after send_at and the acceptance.');
  }
};

const checkClassification = (request: SendRequest, facts: TenantFacts, report: Report): void => {
  const { policy } = facts;
  if (request.stream !== null && !isStream(request.stream)) {
    report('stream', 'unknown_stream', `"${request.stream}" is neither realtime nor batch.`);
    return;
  }
  if (!isGuarantee(request.guarantee)) {
    report('guarantee', 'unknown_guarantee', `"${request.guarantee}" is not at_least_once or at_most_once.`);
  } else if (request.guarantee === 'at_most_once' && !mayBeAtMostOnce(request.category, policy)) {
    report('guarantee', 'not_for_category', 'at_most_once is for otp and categories configured so.');
  }
  const { stream } = classifyStream(request, policy);
  if (poolFor(facts, stream, request.pool) !== undefined) return;
  const pool = request.pool ?? facts.defaultPools[stream];
  report(
    'pool',
    facts.poolStreams.has(pool) ? 'wrong_stream' : 'unknown_pool',
    facts.poolStreams.has(pool)
      ? `Pool "${pool}" does not belong to the ${stream} stream.`
      : `There is no pool "${pool}".`,
  );
};

/**
 * Every problem of a request, none when it may be sent. `facts`: of the request's tenant, undefined when there is no
 * such tenant. `now`: ms since the epoch. An expires_at that has passed is no problem here: it makes an expired event.
 */
export const validateSendRequest = (
  request: SendRequest,
  facts: TenantFacts | undefined,
  now: number,
): readonly RequestProblem[] => {
  const problems: RequestProblem[] = [];
  const report: Report = (field, code, text) => problems.push({ field, code, text });
  if (facts === undefined) {
    report('tenant', 'unknown_tenant', `There is no tenant "${request.tenant}".`);
  } else checkClassification(request, facts, report);

  const fromDomain = checkAddress('mail_from.address', request.mail_from.address, report);
  if (facts !== undefined && fromDomain !== undefined && !maySendFrom(facts, fromDomain)) {
    report('mail_from.address', 'from_not_allowed', `The tenant may not send from ${fromDomain}.`);
  }
  checkLine('mail_from.name', request.mail_from.name, requestLimits.nameLength, report);
  if (request.reply_to !== null) checkAddress('reply_to', request.reply_to, report);
  checkWord('category', request.category, report);
  checkWord('campaign', request.campaign, report);
  checkRecipients(request, report);
  checkContent(request, report);
  checkHeaders(request.headers, report);
  checkTimes(request, now, report);

  if (request.tags.length > requestLimits.tags) {
    report('tags', 'too_many', `At most ${requestLimits.tags} tags.`);
  }
  request.tags.forEach((tag, index) => {
    checkLine(`tags[${index}]`, tag, requestLimits.tagLength, report);
  });
  const metadata = Object.entries(request.metadata);
  if (metadata.length > requestLimits.metadataEntries) {
    report('metadata', 'too_many', `At most ${requestLimits.metadataEntries} entries.`);
  }
  for (const [name, value] of metadata) {
    if (name.length > requestLimits.wordLength || value.length > requestLimits.metadataLength) {
      report(`metadata.${name}`, 'too_long', 'The name or the value is too long.');
    }
  }
  return problems;
};
