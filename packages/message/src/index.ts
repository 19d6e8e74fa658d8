/**
 * What a mail is made of. A delivery worker makes one {@link MessageFacts} from its configuration at start and calls
 * {@link prepareMessage} once for each attempt; everything else here is for the services beside it.
 */

export {
  BlobError,
  type BlobErrorCode,
  type BlobRef,
  type BlobStore,
  parseBlobRef,
} from './blob/blob-store.ts';
export { type BlobOptions, createBlobStore } from './blob/create-blob-store.ts';
export { composeForBlob } from './compose-for-blob.ts';
export { type DkimAlgorithm, type DkimKey, DkimKeyError, dkimKey, dkimRecord } from './dkim/dkim-key.ts';
export { type DkimDomainOptions, DkimKeyring } from './dkim/dkim-keyring.ts';
export { MessageError, type MessageErrorCode } from './message-error.ts';
export { type MessageFacts, type MessageOptions, messageFacts } from './message-facts.ts';
export { type Envelope, type Preparation, type PreparedMessage, prepareMessage } from './prepare-message.ts';
export { TemplateError, type TemplatePart } from './template/template-error.ts';
export {
  type CompiledTemplate,
  TemplateRenderer,
  type TemplateRendererOptions,
  templateProblems,
} from './template/template-renderer.ts';
export {
  readUnsubscribeToken,
  type Unsubscribe,
  unsubscribeKeys,
  unsubscribeToken,
} from './unsubscribe.ts';
export {
  readVerp,
  readVerpToken,
  type VerpRecipient,
  verpAddress,
  verpNames,
  verpToken,
  verpTokenOf,
} from './verp.ts';
