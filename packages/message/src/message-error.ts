/** Why a message cannot be made; every one of them is final: trying again changes nothing. */

/** Stable codes of {@link MessageError}. */
export type MessageErrorCode =
  /** The task names a template, a blob or a composed content that was not handed over. */
  | 'ERR_MESSAGE_NO_CONTENT'
  /** An address of the task is none. */
  | 'ERR_MESSAGE_ADDRESS'
  /** The variables are not a JSON object. */
  | 'ERR_MESSAGE_VARIABLES'
  /** The message id is not a UUIDv7. */
  | 'ERR_MESSAGE_ID'
  /** A header field's name or value may not be written. */
  | 'ERR_MESSAGE_HEADER';

/** The task cannot become a message: the worker bounces it, with this text. */
export class MessageError extends Error {
  override readonly name = 'MessageError';
  readonly code: MessageErrorCode;

  constructor(code: MessageErrorCode, text: string, options: { readonly cause?: unknown } = {}) {
    super(text, options);
    this.code = code;
  }
}
