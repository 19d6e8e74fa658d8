/** Private keys of DKIM (RFC 6376, RFC 8301, RFC 8463), parsed and checked once. */
import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import { asciiDomain } from '@millrace/core';

export type DkimAlgorithm = 'rsa-sha256' | 'ed25519-sha256';

/** A key that can sign. */
export interface DkimKey {
  /** d=, A-labels. */
  readonly domain: string;
  /** s= */
  readonly selector: string;
  readonly algorithm: DkimAlgorithm;
  readonly privateKey: KeyObject;
}

/** A key that cannot be used. `code`: ERR_DKIM_KEY. */
export class DkimKeyError extends Error {
  override readonly name = 'DkimKeyError';
  readonly code = 'ERR_DKIM_KEY';
}

/** Shorter ones are not counted as signatures (RFC 8301 3.2); 2048 is what providers ask for. */
const minimumRsaBits = 1_024;
const selectorForm = /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*$/i;

const parsed = (pem: string | Buffer, what: string): KeyObject => {
  try {
    return createPrivateKey(pem);
  } catch (cause) {
    throw new DkimKeyError(`${what}: not a PEM private key without a pass phrase.`, { cause });
  }
};

/**
 * Parses a PEM private key (PKCS #8 or PKCS #1). Throws {@link DkimKeyError} when the key does not fit the algorithm, is an RSA
 * key under 1,024 bits, or the domain or selector is none.
 */
export const dkimKey = (options: {
  readonly domain: string;
  readonly selector: string;
  readonly algorithm: DkimAlgorithm;
  readonly pem: string | Buffer;
}): DkimKey => {
  const what = `DKIM key ${options.selector}._domainkey.${options.domain}`;
  const domain = asciiDomain(options.domain);
  if (domain === undefined) throw new DkimKeyError(`${what}: "${options.domain}" is not a domain.`);
  if (!selectorForm.test(options.selector))
    throw new DkimKeyError(`${what}: "${options.selector}" is not a selector.`);
  const privateKey = parsed(options.pem, what);
  const expected = options.algorithm === 'rsa-sha256' ? 'rsa' : 'ed25519';
  if (privateKey.asymmetricKeyType !== expected) {
    throw new DkimKeyError(
      `${what}: configured as ${options.algorithm}, but the file holds a key of type ${privateKey.asymmetricKeyType}.`,
    );
  }
  const bits = privateKey.asymmetricKeyDetails?.modulusLength ?? 0;
  if (expected === 'rsa' && bits < minimumRsaBits) {
    throw new DkimKeyError(`${what}: ${bits} bits are too few; make one of 2048.`);
  }
  return { domain, selector: options.selector, algorithm: options.algorithm, privateKey };
};

/** The DNS TXT record that publishes the key, at `<selector>._domainkey.<domain>` (RFC 6376 3.6.1, RFC 8463 4). */
export const dkimRecord = (key: DkimKey): string => {
  const spki = createPublicKey(key.privateKey).export({ type: 'spki', format: 'der' });
  // Ed25519 publishes the bare 32 bytes, which are the end of the SPKI structure.
  return key.algorithm === 'rsa-sha256'
    ? `v=DKIM1; k=rsa; p=${spki.toString('base64')}`
    : `v=DKIM1; k=ed25519; p=${spki.subarray(-32).toString('base64')}`;
};
