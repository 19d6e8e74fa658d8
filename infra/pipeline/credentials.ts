/** The secrets of a local installation: made once, kept in its `keys` directory, readable by their owner only. */
import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
} from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Credentials {
  /** A key of the tenant `local` with every scope: the whole key, and what the configuration keeps of it. */
  readonly apiKey: { readonly key: string; readonly id: string; readonly sha256: string };
  /** Key of the unsubscribe tokens. */
  readonly unsubscribeSecret: string;
  readonly dkim: readonly DkimKey[];
}

export interface DkimKey {
  readonly selector: string;
  readonly algorithm: 'rsa-sha256' | 'ed25519-sha256';
  /** PEM file of the private key. */
  readonly file: string;
  /** The TXT record that verifies it (RFC 6376 section 3.6.1, RFC 8463 section 4). */
  readonly record: string;
}

/** Reads the secrets of `directory`, making those that are missing. */
export async function credentialsIn(directory: string): Promise<Credentials> {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const file = join(directory, 'credentials.json');
  if (!existsSync(file)) {
    // Loaded where it is needed: with it comes all of ingest.
    const { newApiKey } = await import('@millrace/ingest');
    const made = { apiKey: newApiKey('local'), unsubscribeSecret: randomBytes(24).toString('base64url') };
    writeFileSync(file, `${JSON.stringify(made, undefined, 2)}\n`, { mode: 0o600 });
  }
  const kept: Pick<Credentials, 'apiKey' | 'unsubscribeSecret'> = JSON.parse(readFileSync(file, 'utf8'));
  return {
    ...kept,
    dkim: [dkimKey(directory, 'rsa', 'rsa-sha256'), dkimKey(directory, 'ed', 'ed25519-sha256')],
  };
}

function dkimKey(directory: string, selector: string, algorithm: DkimKey['algorithm']): DkimKey {
  const file = join(directory, `dkim-${selector}.pem`);
  if (!existsSync(file)) writeFileSync(file, newPrivateKey(algorithm), { mode: 0o600 });
  const publicKey = createPublicKey(createPrivateKey(readFileSync(file)));
  return { selector, algorithm, file, record: dkimRecord(algorithm, publicKey) };
}

function newPrivateKey(algorithm: DkimKey['algorithm']): string {
  const { privateKey } =
    algorithm === 'rsa-sha256'
      ? generateKeyPairSync('rsa', { modulusLength: 2048 })
      : generateKeyPairSync('ed25519');
  return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
}

function dkimRecord(algorithm: DkimKey['algorithm'], key: KeyObject): string {
  const der = key.export({ type: 'spki', format: 'der' });
  switch (algorithm) {
    case 'rsa-sha256':
      return `v=DKIM1; k=rsa; p=${der.toString('base64')}`;
    case 'ed25519-sha256':
      // The bare key of 32 bytes, which ends its SubjectPublicKeyInfo.
      return `v=DKIM1; k=ed25519; p=${der.subarray(-32).toString('base64')}`;
  }
}
