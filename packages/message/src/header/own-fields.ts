/** Header fields that Millrace writes itself, or that would change how the mail is read or routed. */

const own: ReadonlySet<string> = new Set([
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

/** Whether a request or a template may not set this field. The same names that core's check of a request refuses. */
export const isOwnField = (name: string): boolean => own.has(name.toLowerCase());

/**
 * Whether the field, in lower case, is taken out of a message: it is not for the recipient's eyes
 * (RFC 5322 3.6.3, RFC 5321 4.4), or it was for Millrace.
 */
export const isRemovedField = (name: string): boolean =>
  name === 'bcc' || name === 'resent-bcc' || name === 'return-path' || name.startsWith('x-millrace-');
