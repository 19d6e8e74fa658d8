/** What the configuration says about messages, parsed once. */
import { asciiDomain } from '@millrace/core';
import { type DkimDomainOptions, DkimKeyring } from './dkim/dkim-keyring.ts';
import { SenderCache } from './sender.ts';
import { type UnsubscribeKeys, type UnsubscribeOptions, unsubscribeKeys } from './unsubscribe.ts';

/** The keys of the configuration that are read here; the configuration file's own type satisfies it. */
export interface MessageOptions {
  readonly dkim: readonly DkimDomainOptions[];
  /** Signs for From domains that have no keys of their own, as d= of another domain. Absent: those go unsigned. */
  readonly dkim_fallback_domain?: string | undefined;
  /** Domain of the envelope sender. Absent: the From domain. */
  readonly return_path_domain?: string | undefined;
  readonly unsubscribe?: UnsubscribeOptions | undefined;
  /** Last id of the Feedback-ID field. */
  readonly feedback_id_sender: string;
}

/** Made once at start, then read for every message. */
export interface MessageFacts {
  readonly keyring: DkimKeyring;
  /** A-labels. */
  readonly returnPathDomain: string | undefined;
  /** Proves that a return path is ours; undefined: it carries no proof. */
  readonly returnPathSecret: string | undefined;
  readonly unsubscribe: { readonly options: UnsubscribeOptions; readonly keys: UnsubscribeKeys } | undefined;
  readonly feedbackIdSender: string;
  readonly senders: SenderCache;
}

const domainOf = (key: string, domain: string | undefined): string | undefined => {
  if (domain === undefined) return undefined;
  const ascii = asciiDomain(domain);
  if (ascii === undefined) throw new TypeError(`${key}: "${domain}" is not a domain.`);
  return ascii;
};

/** Reads the DKIM key files. Throws DkimKeyError for one that cannot be used, TypeError for a domain that is none. */
export const messageFacts = (options: MessageOptions): MessageFacts => {
  const keyring = DkimKeyring.load(options.dkim, options.dkim_fallback_domain);
  return {
    keyring,
    returnPathDomain: domainOf('return_path_domain', options.return_path_domain),
    returnPathSecret: options.unsubscribe?.secret,
    unsubscribe:
      options.unsubscribe === undefined
        ? undefined
        : { options: options.unsubscribe, keys: unsubscribeKeys(options.unsubscribe.secret) },
    feedbackIdSender: options.feedback_id_sender,
    senders: new SenderCache(keyring),
  };
};
