/** Which addresses are ours to receive mail at, and what their tokens say. Pure. */
import type { MessageId } from '@millrace/core';
import { readVerpToken, verpTokenOf } from '@millrace/message';

/** The parts of the configuration that say it. */
export interface AddressOptions {
  /** Lower case; a return path may be of one of them. Empty: of any domain. */
  readonly returnPathDomains: ReadonlySet<string>;
  readonly unsubscribeMailto: string | undefined;
  /** Proves tokens; undefined: they carry no proof. */
  readonly secret: string | undefined;
  readonly complaintAddresses: readonly string[];
}

export type OwnAddress =
  | { readonly kind: 'return_path'; readonly token: string; readonly messageId: MessageId }
  | { readonly kind: 'unsubscribe'; readonly token: string; readonly messageId: MessageId }
  | { readonly kind: 'complaints' };

const split = (address: string): readonly [string, string] => {
  const at = address.lastIndexOf('@');
  return [address.slice(0, at), address.slice(at + 1).toLowerCase()];
};

/** What an address is to us; undefined: not ours, or its token is not one that we made. */
export const ownAddress = (address: string, options: AddressOptions): OwnAddress | undefined => {
  const [local, domain] = split(address);
  const { returnPathDomains, secret, unsubscribeMailto } = options;
  const token = verpTokenOf(address);
  if (token !== undefined && (returnPathDomains.size === 0 || returnPathDomains.has(domain))) {
    const messageId = readVerpToken(token, secret);
    if (messageId !== undefined) return { kind: 'return_path', token, messageId };
  }
  if (unsubscribeMailto !== undefined) {
    const [ownLocal, ownDomain] = split(unsubscribeMailto);
    const before = `${ownLocal.toLowerCase()}+`;
    if (domain === ownDomain && local.toLowerCase().startsWith(before)) {
      const given = local.slice(before.length);
      const messageId = readVerpToken(given, secret);
      if (messageId !== undefined) return { kind: 'unsubscribe', token: given, messageId };
    }
  }
  const lower = address.toLowerCase();
  return options.complaintAddresses.some((own) => own.toLowerCase() === lower)
    ? { kind: 'complaints' }
    : undefined;
};
