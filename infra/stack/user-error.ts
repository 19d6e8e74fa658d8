/** Something that the person at the keyboard can mend: printed as one sentence, without a stack trace. */
export class UserError extends Error {
  readonly code: string;
  constructor(code: string, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'UserError';
    this.code = code;
  }
}
