import type { SmtpReply } from './smtp-reply.ts';

/** What a server offered in its answer to EHLO. */
export interface SmtpCapabilities {
  /** RFC 2920. */
  readonly pipelining: boolean;
  /** RFC 1870: largest mail in bytes; 0: offered without a limit; null: not offered. */
  readonly size: number | null;
  /** RFC 6152. */
  readonly eightBitMime: boolean;
  /** RFC 6531. */
  readonly smtpUtf8: boolean;
  /** RFC 2034. */
  readonly enhancedStatusCodes: boolean;
  /** RFC 3207. */
  readonly startTls: boolean;
  /** All keywords, in capitals. */
  readonly keywords: readonly string[];
}

/** Of a server that knows HELO only. */
export const noCapabilities: SmtpCapabilities = {
  pipelining: false,
  size: null,
  eightBitMime: false,
  smtpUtf8: false,
  enhancedStatusCodes: false,
  startTls: false,
  keywords: [],
};

/** RFC 5321 4.1.1.1: the first line is a greeting, each further one a keyword with its parameters. */
export function parseCapabilities(reply: SmtpReply): SmtpCapabilities {
  const parameters = new Map<string, string>();
  for (const line of reply.lines.slice(1)) {
    const [keyword = '', parameter = ''] = line.trim().split(/[ =]+/, 2);
    if (keyword !== '') parameters.set(keyword.toUpperCase(), parameter);
  }
  const size = parameters.get('SIZE');
  return {
    pipelining: parameters.has('PIPELINING'),
    size: size === undefined ? null : /^\d{1,15}$/.test(size) ? Number(size) : 0,
    eightBitMime: parameters.has('8BITMIME'),
    smtpUtf8: parameters.has('SMTPUTF8'),
    enhancedStatusCodes: parameters.has('ENHANCEDSTATUSCODES'),
    startTls: parameters.has('STARTTLS'),
    keywords: [...parameters.keys()],
  };
}
