/**
 * Whether the field, in lower case, is taken out of a message: it is not for the recipient's eyes
 * (RFC 5322 3.6.3, RFC 5321 4.4), or it was for Millrace.
 */
export const isRemovedField = (name: string): boolean =>
  name === 'bcc' || name === 'resent-bcc' || name === 'return-path' || name.startsWith('x-millrace-');
