/** API keys: `mr_<id>_<secret>`. Only the SHA-256 of the whole key is ever kept. */
import { hash, randomBytes } from 'node:crypto';

/** What is given to the user once, and what the configuration keeps (`tenants.<name>.api_keys[]`). */
export interface NewApiKey {
  readonly key: string;
  readonly id: string;
  readonly sha256: string;
}

/** SHA-256 of a whole key, as 32 bytes. A secret of 192 random bits needs no slow hash. */
export const digestOfKey = (key: string): Buffer => hash('sha256', key, 'buffer');

/** Makes a key with a secret of 192 random bits. `id` may hold letters, digits and hyphens. */
export const newApiKey = (id: string): NewApiKey => {
  if (!/^[A-Za-z0-9-]{1,64}$/.test(id)) {
    throw new TypeError(`API key id "${id}" may hold only letters, digits and hyphens, 64 at most`);
  }
  const key = `mr_${id}_${randomBytes(24).toString('base64url')}`;
  return { key, id, sha256: digestOfKey(key).toString('hex') };
};

/** The id inside a key, or undefined when the text does not have a key's form. */
export const keyIdOf = (key: string): string | undefined =>
  /^mr_([A-Za-z0-9-]{1,64})_[A-Za-z0-9_-]{16,128}$/.exec(key)?.[1];
