/** One way for every request, by HTTP or SMTP: drafted, its template pinned, checked, then accepted. */
import { classifyStream, deriveMessageId, newMessageId, ReusedMemory, type Stream } from '@millrace/core';
import type { SendRequest } from '@millrace/schemas';
import type { Context } from '@opentelemetry/api';
import { inAcceptSpan } from './accept-span.ts';
import type { Acceptance } from './acceptance.ts';
import type { AcceptanceTally } from './acceptance-tally.ts';
import { draftRequest, type Origin, type WholeMessage } from './draft.ts';
import type { Caller } from './keyring.ts';
import { invalidRequest, ProblemError } from './problem.ts';
import { contentBytes, problemOf } from './request-check.ts';
import type { SendBody } from './send-body.ts';
import { kafkaAway } from './spine.ts';
import type { TemplateCatalogue } from './template-catalogue.ts';

/** What the caller is told: 202. */
export interface Submitted {
  readonly request_id: string;
  readonly messages: readonly { readonly message_id: string; readonly to: string }[];
}

/** Who submits, how, and under which name. */
export interface Submission {
  readonly caller: Caller;
  readonly via: 'http' | 'smtp';
  /** ms since the epoch; of a repeated request the time of the first. */
  readonly acceptedAt: number;
  readonly idempotencyKey: string | null;
  /** Holds the span of the batch that this is a line of. */
  readonly linkTo?: Context;
}

/** Ids of a request: random, or derived from the idempotency key so that a repetition yields the same messages. */
const originOf = ({ caller, via, acceptedAt, idempotencyKey }: Submission): Origin => {
  const { tenant } = caller;
  const common = { tenant, via, acceptedAt, idempotencyKey };
  if (idempotencyKey === null) {
    return { ...common, requestId: newMessageId(acceptedAt), messageId: () => newMessageId(acceptedAt) };
  }
  const seed = `${tenant}\0${idempotencyKey}\0`;
  return {
    ...common,
    requestId: deriveMessageId(acceptedAt, `${seed}request`),
    messageId: (index) => deriveMessageId(acceptedAt, `${seed}${index}`),
  };
};

const submittedOf = (request: SendRequest): Submitted => ({
  request_id: request.request_id,
  messages: request.recipients.map(({ message_id, address }) => ({
    message_id: message_id ?? '',
    to: address,
  })),
});

export class Submitter {
  /** For whole messages: what `submit` is given from here is used again as soon as Kafka has it. */
  readonly memory = new ReusedMemory();
  readonly #acceptance: Acceptance;
  readonly #catalogue: TemplateCatalogue;
  readonly #tally: AcceptanceTally;
  readonly #maxMessageBytes: number;
  readonly #maxRecipients: number;

  constructor(options: {
    readonly acceptance: Acceptance;
    readonly catalogue: TemplateCatalogue;
    readonly tally: AcceptanceTally;
    readonly maxMessageBytes: number;
    readonly maxRecipients: number;
  }) {
    this.#acceptance = options.acceptance;
    this.#catalogue = options.catalogue;
    this.#tally = options.tally;
    this.#maxMessageBytes = options.maxMessageBytes;
    this.#maxRecipients = options.maxRecipients;
  }

  /** Whether requests can be taken now. */
  get ready(): boolean {
    return this.#acceptance.ready;
  }

  /**
   * Resolves when Kafka has it. `message`: in place of the body's content. Throws ProblemError for what
   * the caller can mend, and when Kafka is away.
   */
  async submit(body: SendBody, submission: Submission, message?: WholeMessage): Promise<Submitted> {
    if (!this.#acceptance.ready) throw kafkaAway();
    const request = this.#prepare(body, submission, message) ?? (await this.#prepareAgain(body, submission));
    const { stream } = classifyStream(request, submission.caller.facts.policy);
    checkScope(stream, submission.caller);
    await inAcceptSpan(request, stream, submission.linkTo, () => this.#acceptance.accept(request, stream));
    if (request.raw !== null) this.memory.giveBack(request.raw);
    this.#tally.add(stream, submission.via, request.recipients.length);
    return submittedOf(request);
  }

  /** The record; undefined when its template is not known here (yet). */
  #prepare(body: SendBody, submission: Submission, message?: WholeMessage): SendRequest | undefined {
    const drafted = draftRequest(body, originOf(submission), message, this.memory);
    if (drafted.kind === 'wrong') throw invalidRequest(drafted.errors);
    const request = this.#pinned(drafted.request);
    if (request === undefined) return undefined;
    this.#checkSize(request);
    const problem = problemOf(request, submission.caller.facts, Date.now());
    if (problem !== undefined) throw problem;
    return request;
  }

  /** Another process may have stored the template a moment ago: read the table to its end before saying no. */
  async #prepareAgain(body: SendBody, submission: Submission): Promise<SendRequest> {
    await this.#catalogue.refresh();
    const request = this.#prepare(body, submission);
    if (request !== undefined) return request;
    const id = typeof body.template === 'string' ? body.template : (body.template?.id ?? '');
    const version = typeof body.template === 'string' ? undefined : body.template?.version;
    const what = version === undefined ? `"${id}"` : `"${id}" in version ${version}`;
    throw new ProblemError('unknown-template', `There is no template ${what}`, {
      errors: [
        { field: 'template', message: `there is no template ${what}; PUT /v1/templates/${id} makes it` },
      ],
    });
  }

  #pinned(request: SendRequest): SendRequest | undefined {
    const { tenant, template_id, template_version } = request;
    if (template_id === null) return request;
    const version = this.#catalogue.current(tenant, template_id, template_version ?? undefined);
    return version === undefined ? undefined : { ...request, template_version: version.version };
  }

  #checkSize(request: SendRequest): void {
    const bytes = contentBytes(request);
    if (bytes > this.#maxMessageBytes) {
      const limit = `${bytes} bytes of content are above the limit of ${this.#maxMessageBytes}`;
      const field = request.raw === null ? 'attachments' : 'raw';
      throw new ProblemError('too-large', limit, { errors: [{ field, message: limit }] });
    }
    if (request.recipients.length > this.#maxRecipients) {
      throw invalidRequest([{ field: 'to', message: `at most ${this.#maxRecipients} recipients` }]);
    }
  }
}

const checkScope = (stream: Stream, { scopes, keyId }: Caller): void => {
  if (scopes.has('send') || (scopes.has('send:batch') && stream === 'batch')) return;
  throw new ProblemError('insufficient-scope', `The key ${keyId} may not send on the stream ${stream}`, {
    errors: [{ field: 'stream', message: `is ${stream}, which needs the scope send` }],
  });
};
