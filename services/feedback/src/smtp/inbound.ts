/** Inbound SMTP: takes mail at our own addresses only, and says 250 when Kafka has it. */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { SMTPServer, type SMTPServerDataStream, type SMTPServerSession } from 'smtp-server';
import { type AddressOptions, ownAddress } from '../own-addresses.ts';
import type { ReportIntake } from '../report-intake.ts';
import { ClientRate } from './client-rate.ts';

export interface InboundOptions {
  readonly host: string;
  readonly port: number;
  readonly hostname: string;
  readonly certificate: { readonly cert: string; readonly key: string };
  readonly maxConnections: number;
  readonly mailsPerMinute: number;
  readonly maxBytes: number;
  readonly addresses: AddressOptions;
  readonly intake: ReportIntake;
  readonly log: { info(details: object, text: string): void; warn(details: object, text: string): void };
}

export interface InboundServer {
  readonly port: number;
  /** Takes no new connection; the ones that are open have five seconds to end. */
  stop(): Promise<void>;
}

/** Recipients of one mail: a report has one. */
const maxRecipients = 20;
const closeTimeoutMs = 5_000;
const idleMs = 60_000;

/** An error that the library answers with. */
class SmtpReply extends Error {
  readonly responseCode: number;

  /** `text`: with the enhanced code in front. */
  constructor(code: number, text: string, cause?: unknown) {
    super(text, { cause });
    this.responseCode = code;
  }
}

/** Reads to the end in any case: SMTP has no way to stop a mail in its middle. */
const collect = async (stream: SMTPServerDataStream, maxBytes: number): Promise<Buffer> => {
  let chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of stream) {
    if (!Buffer.isBuffer(chunk)) continue;
    size += chunk.length;
    if (size > maxBytes) chunks = [];
    else chunks.push(chunk);
  }
  if (size > maxBytes) throw new SmtpReply(552, `5.3.4 The mail is larger than ${maxBytes} bytes`);
  return Buffer.concat(chunks);
};

/** Starts the server; resolves when it listens. */
export const startInbound = async (options: InboundOptions): Promise<InboundServer> => {
  const { intake, log } = options;
  const rate = new ClientRate(options.mailsPerMinute);
  const take = async (stream: SMTPServerDataStream, session: SMTPServerSession): Promise<string> => {
    const raw = await collect(stream, options.maxBytes);
    const { mailFrom, rcptTo } = session.envelope;
    const id = await intake
      .take(
        {
          source: 'smtp',
          raw,
          mailFrom: mailFrom === false ? null : mailFrom.address,
          recipients: rcptTo.map(({ address }) => address),
          remoteAddress: session.remoteAddress,
        },
        Date.now(),
      )
      .catch((error: unknown) => {
        throw new SmtpReply(451, '4.3.0 The report cannot be kept now, try again later', error);
      });
    return `2.6.0 Ok: ${id}`;
  };
  const server = new SMTPServer({
    name: options.hostname,
    banner: 'Millrace',
    ...options.certificate,
    minVersion: 'TLSv1.2',
    size: options.maxBytes,
    authOptional: true,
    disabledCommands: ['AUTH', 'XCLIENT', 'XFORWARD'],
    disableReverseLookup: true,
    hideENHANCEDSTATUSCODES: true,
    maxClients: options.maxConnections,
    socketTimeout: idleMs,
    closeTimeout: closeTimeoutMs,
    logger: false,
    onMailFrom: (_address, session, callback) => {
      if (!intake.ready)
        return callback(new SmtpReply(451, '4.3.0 The queue cannot be reached, try again later'));
      if (rate.take(session.remoteAddress, Date.now())) return callback();
      callback(
        new SmtpReply(450, `4.7.0 More than ${options.mailsPerMinute} mails a minute, try again later`),
      );
    },
    onRcptTo: ({ address }, session, callback) => {
      if (session.envelope.rcptTo.length >= maxRecipients)
        return callback(new SmtpReply(452, `4.5.3 At most ${maxRecipients} recipients`));
      if (ownAddress(address, options.addresses) !== undefined) return callback();
      callback(
        new SmtpReply(
          550,
          '5.7.1 Only bounces, complaints and unsubscriptions of our own mail are taken here, at the addresses that it names',
        ),
      );
    },
    onData: (stream, session, callback) => {
      take(stream, session).then(
        (text) => callback(null, text),
        (error: unknown) => {
          const reply =
            error instanceof SmtpReply
              ? error
              : new SmtpReply(451, '4.3.0 Local error, try again later', error);
          if (reply.responseCode < 500) log.warn({ err: reply.cause }, 'A report was put off');
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
  return { port, stop: () => new Promise((resolve) => server.close(() => resolve())) };
};
