/** SMTP submission (RFC 6409): AUTH with an API key, STARTTLS, one message for each recipient, 250 when Kafka has it. */
import { once } from 'node:events';
import { type AddressInfo, isIP } from 'node:net';
import { classifyStream, parseAddress } from '@millrace/core';
import type {
  SMTPServerAddress,
  SMTPServerAuthentication,
  SMTPServerDataStream,
  SMTPServerSession,
} from 'smtp-server';
import { keyIdOf } from '../api-key.ts';
import type { ByteBudget } from '../byte-budget.ts';
import type { KeyRate } from '../key-rate.ts';
import type { Caller, Keyring } from '../keyring.ts';
import { mailboxesOf } from '../mailbox.ts';
import { fieldsNamed, fieldText, withCrlf } from '../raw-message.ts';
import { classifiedBy } from '../send-body.ts';
import type { Submitter } from '../submitter.ts';
import type { Certificate } from './certificate.ts';
import { collectMessage, joined } from './data-collector.ts';
import { type DataSpan, dataSpan } from './data-span.ts';
import { takeMillraceHeaders } from './millrace-headers.ts';
import { receivedField } from './received.ts';
import { replyOf, SmtpReply } from './reply.ts';
import { SmtpListener } from './smtp-listener.ts';

/** More Received fields than this mean that the message goes round in circles (RFC 5321 6.3). */
const maxReceivedFields = 50;
const closeTimeoutMs = 5_000;

export interface SubmissionLog {
  info(details: object, text: string): void;
  warn(details: object, text: string): void;
}

export interface SubmissionOptions {
  readonly host: string;
  readonly port: number;
  readonly hostname: string;
  readonly certificate: Certificate;
  readonly allowInsecureAuth: boolean;
  readonly maxConnections: number;
  readonly maxMessageBytes: number;
  readonly maxRecipients: number;
  readonly keyring: Keyring;
  readonly submitter: Submitter;
  readonly rate: KeyRate;
  readonly budget: ByteBudget;
  readonly log: SubmissionLog;
}

/** A running submission server. */
export interface SubmissionServer {
  readonly host: string;
  readonly port: number;
  /** Takes no new connection; the ones that are open have five seconds to end. */
  stop(): Promise<void>;
}

const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));

type Done = (error?: Error | null) => void;

class Submission {
  readonly #options: SubmissionOptions;
  /** Callers of sessions that have authenticated. */
  readonly #callers = new WeakMap<SMTPServerSession, Caller>();

  constructor(options: SubmissionOptions) {
    this.#options = options;
  }

  authenticate(auth: SMTPServerAuthentication, session: SMTPServerSession): string {
    const { username = '', password } = auth;
    const caller = this.#options.keyring.callerOf(password ?? '');
    if (caller === undefined || (username !== caller.keyId && keyIdOf(username) !== caller.keyId)) {
      this.#options.log.warn({ user: username.slice(0, 64), client: session.remoteAddress }, 'AUTH refused');
      throw new SmtpReply(
        535,
        '5.7.8',
        'User is the id of an API key, password the whole key: they do not match',
      );
    }
    if (!caller.scopes.has('send') && !caller.scopes.has('send:batch')) {
      throw new SmtpReply(535, '5.7.8', `The key ${caller.keyId} lacks the scope send`);
    }
    this.#callers.set(session, caller);
    return caller.keyId;
  }

  mailFrom(session: SMTPServerSession): void {
    this.#callerOf(session);
    if (!this.#options.submitter.ready) {
      throw new SmtpReply(451, '4.3.0', 'The queue cannot be reached, try again later');
    }
  }

  recipient({ address }: SMTPServerAddress, session: SMTPServerSession): void {
    const parsed = parseAddress(address);
    if (parsed.kind === 'problem') throw new SmtpReply(553, '5.1.3', `<${address}>: ${parsed.text}`);
    if (parsed.needsSmtpUtf8 && session.envelope.smtpUtf8 !== true) {
      throw new SmtpReply(553, '5.6.7', `<${address}> needs SMTPUTF8 in MAIL FROM`);
    }
    if (session.envelope.rcptTo.length >= this.#options.maxRecipients) {
      throw new SmtpReply(
        452,
        '4.5.3',
        `At most ${this.#options.maxRecipients} recipients in one transaction`,
      );
    }
  }

  async message(stream: SMTPServerDataStream, session: SMTPServerSession): Promise<string> {
    const span = dataSpan(session);
    try {
      const caller = this.#callerOf(session);
      const { budget, maxMessageBytes, submitter } = this.#options;
      const collected = await collectMessage(stream, budget, maxMessageBytes, submitter.memory);
      try {
        const text = await this.#submit(collected.message, caller, session, span);
        span.end(250);
        return text;
      } finally {
        collected.release();
      }
    } catch (error) {
      const reply = replyOf(error);
      span.end(reply.responseCode);
      throw reply;
    }
  }

  async #submit(
    received: Buffer,
    caller: Caller,
    session: SMTPServerSession,
    span: DataSpan,
  ): Promise<string> {
    const { wishes, message, fields } = takeMillraceHeaders(withCrlf(received));
    if (fieldsNamed(fields, 'received').length > maxReceivedFields) {
      throw new SmtpReply(
        554,
        '5.4.6',
        `More than ${maxReceivedFields} Received fields: the message goes in circles`,
      );
    }
    const froms = fieldsNamed(fields, 'from');
    const [from, ...more] = froms.flatMap((field) => mailboxesOf(fieldText(field)));
    if (from === undefined || more.length > 0 || froms.length > 1) {
      throw new SmtpReply(554, '5.6.0', 'The message needs one From: header field with one address');
    }
    const to = session.envelope.rcptTo.map(({ address }) => address);
    const waitMs = await this.#options.rate.take(caller, to.length);
    if (waitMs > 0) {
      const seconds = Math.max(1, Math.ceil(waitMs / 1_000));
      throw new SmtpReply(
        450,
        '4.7.1',
        `The rate of key ${caller.keyId} is exceeded, try again in ${seconds} s`,
      );
    }
    const now = Date.now();
    const trace = receivedField({ session, hostname: this.#options.hostname, now });
    const submission = { caller, via: 'smtp', acceptedAt: now, idempotencyKey: null } as const;
    const whole = { raw: joined([trace, message], this.#options.submitter.memory), from };
    const { stream } = classifyStream(classifiedBy(wishes), caller.facts.policy);
    const submitted = await span.within({ 'millrace.stream': stream, 'millrace.tenant': caller.tenant }, () =>
      this.#options.submitter.submit({ ...wishes, to }, submission, whole),
    );
    return `2.6.0 Ok: queued as ${submitted.request_id}`;
  }

  #callerOf(session: SMTPServerSession): Caller {
    const caller = this.#callers.get(session);
    if (caller === undefined || session.user !== caller.keyId) {
      throw new SmtpReply(530, '5.7.0', 'Authentication required');
    }
    return caller;
  }
}

const answer = (done: Done, run: () => void): void => {
  try {
    run();
    done();
  } catch (error) {
    done(replyOf(error));
  }
};

/** Starts the server; resolves when it listens. Throws when clear-text AUTH is asked for anywhere but on loopback. */
export const startSubmission = async (options: SubmissionOptions): Promise<SubmissionServer> => {
  if (options.allowInsecureAuth && !isLoopback(options.host)) {
    throw new Error(
      `ingest.smtp.allow_insecure_auth sends API keys in clear text: it needs ingest.smtp.host on loopback, not ${options.host}`,
    );
  }
  const submission = new Submission(options);
  const { log } = options;
  const server = new SmtpListener({
    name: options.hostname,
    banner: 'Millrace',
    cert: options.certificate.cert,
    key: options.certificate.key,
    minVersion: 'TLSv1.2',
    size: options.maxMessageBytes,
    hideENHANCEDSTATUSCODES: false,
    hideREQUIRETLS: true,
    authMethods: ['PLAIN', 'LOGIN'],
    authRequiredMessage: '5.7.0 Authentication required',
    allowInsecureAuth: options.allowInsecureAuth,
    disableReverseLookup: true,
    disabledCommands: ['XCLIENT', 'XFORWARD'],
    maxClients: options.maxConnections,
    closeTimeout: closeTimeoutMs,
    logger: false,
    onAuth: (auth, session, callback) => {
      try {
        callback(null, { user: submission.authenticate(auth, session) });
      } catch (error) {
        callback(replyOf(error));
      }
    },
    onMailFrom: (_address, session, callback) => answer(callback, () => submission.mailFrom(session)),
    onRcptTo: (address, session, callback) => answer(callback, () => submission.recipient(address, session)),
    onData: (stream, session, callback) => {
      submission.message(stream, session).then(
        (text) => callback(null, text),
        (error: unknown) => {
          const reply = replyOf(error);
          if (reply.responseCode === 451) log.warn({ err: error }, 'A submission was put off');
          callback(reply);
        },
      );
    },
  });
  server.on('error', (error: Error) => log.info({ err: error }, 'An SMTP client went away'));
  server.listen(options.port, options.host);
  await once(server.server, 'listening');
  const address = server.server.address();
  const { port }: Pick<AddressInfo, 'port'> =
    typeof address === 'object' && address !== null ? address : { port: options.port };
  return {
    host: options.host,
    port,
    stop: () => new Promise((resolve) => server.close(() => resolve())),
  };
};
