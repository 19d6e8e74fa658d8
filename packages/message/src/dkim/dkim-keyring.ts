/** Which keys sign a message: those of its From domain, or of the nearest parent that has any. */
import { readFileSync } from 'node:fs';
import { asciiDomain } from '@millrace/core';
import { type DkimAlgorithm, type DkimKey, DkimKeyError, dkimKey } from './dkim-key.ts';

/** The keys of one signing domain, as configured. */
export interface DkimDomainOptions {
  /** d=; also signs for its subdomains, which DMARC's relaxed alignment accepts (RFC 7489 3.1.1). */
  readonly domain: string;
  readonly keys: readonly {
    readonly selector: string;
    readonly algorithm: DkimAlgorithm;
    /** PEM file. */
    readonly key_file: string;
  }[];
}

const fileOf = (path: string): Buffer => {
  try {
    return readFileSync(path);
  } catch (cause) {
    throw new DkimKeyError(`The DKIM key file ${path} cannot be read.`, { cause });
  }
};

export class DkimKeyring {
  readonly #byDomain = new Map<string, DkimKey[]>();

  readonly #fallback: readonly DkimKey[];

  /** `fallbackDomain`: its keys sign for the domains that have none, as a hosted sender does. */
  constructor(keys: Iterable<DkimKey>, fallbackDomain?: string) {
    for (const key of keys) {
      const known = this.#byDomain.get(key.domain);
      if (known === undefined) this.#byDomain.set(key.domain, [key]);
      else known.push(key);
    }
    this.#fallback = fallbackDomain === undefined ? [] : this.#keysOf(fallbackDomain);
  }

  #keysOf(fallbackDomain: string): readonly DkimKey[] {
    const keys = this.#byDomain.get(asciiDomain(fallbackDomain) ?? fallbackDomain);
    if (keys !== undefined) return keys;
    throw new DkimKeyError(`dkim_fallback_domain: there are no DKIM keys for "${fallbackDomain}".`);
  }

  /** Reads every key file once. Throws {@link DkimKeyError} that names the file or the key. */
  static load(domains: readonly DkimDomainOptions[], fallbackDomain?: string): DkimKeyring {
    return new DkimKeyring(
      domains.flatMap(({ domain, keys }) =>
        keys.map(({ selector, algorithm, key_file }) =>
          dkimKey({ domain, selector, algorithm, pem: fileOf(key_file) }),
        ),
      ),
      fallbackDomain,
    );
  }

  /** Keys for a From domain (A-labels, lower case); else those of the fallback domain; none: it goes unsigned. */
  keysFor(fromDomain: string): readonly DkimKey[] {
    let domain = fromDomain;
    for (;;) {
      const keys = this.#byDomain.get(domain);
      if (keys !== undefined) return keys;
      const dot = domain.indexOf('.');
      if (dot === -1) return this.#fallback;
      domain = domain.slice(dot + 1);
    }
  }
}
