/** Record headers as this package shows them: the last value of each name. */

/** Header values by name. */
export type RecordHeaders = Readonly<Record<string, Buffer>>;

/** Headers to send: strings are written as UTF-8. */
export type HeadersToSend = Readonly<Record<string, string | Buffer>>;
