/** Who is calling: API keys of all tenants, found by id, compared by the hash of the whole key. */
import { timingSafeEqual } from 'node:crypto';
import { type TenantFacts, tenantFacts } from '@millrace/core';
import type { Config } from '@millrace/service';
import { digestOfKey, keyIdOf } from './api-key.ts';

type Tenants = Config['tenants'];
type ApiKeyConfig = Tenants[string]['api_keys'][number];
/** What a key may do. */
export type Scope = ApiKeyConfig['scopes'][number];

/** A caller whose key was found to be right. */
export interface Caller {
  readonly tenant: string;
  readonly keyId: string;
  readonly scopes: ReadonlySet<Scope>;
  readonly facts: TenantFacts;
  /** Messages a second and how many above it at once; undefined: no limit. */
  readonly rate: { readonly perSecond: number; readonly burst: number } | undefined;
}

/** A key id that two tenants use, or a key that belongs to nobody. */
export class KeyringError extends Error {
  readonly code = 'ERR_API_KEYS';
}

interface Entry {
  readonly digest: Buffer;
  readonly caller: Caller;
}

const nobody = Buffer.alloc(32);

export class Keyring {
  readonly #entries = new Map<string, Entry>();

  constructor(config: Pick<Config, 'tenants' | 'pools' | 'dkim'>) {
    const facts = tenantFacts(config);
    for (const [tenant, { api_keys }] of Object.entries(config.tenants)) {
      const ofTenant = facts.get(tenant);
      if (ofTenant === undefined) continue;
      for (const key of api_keys) {
        if (this.#entries.has(key.id)) {
          throw new KeyringError(
            `tenants.${tenant}.api_keys: the id "${key.id}" is used twice; ids are shared by all tenants`,
          );
        }
        this.#entries.set(key.id, {
          digest: Buffer.from(key.sha256, 'hex'),
          caller: {
            tenant,
            keyId: key.id,
            scopes: new Set(key.scopes),
            facts: ofTenant,
            rate:
              key.messages_per_second === undefined
                ? undefined
                : { perSecond: key.messages_per_second, burst: key.burst ?? 100 },
          },
        });
      }
    }
  }

  /** The caller of a whole key `mr_<id>_<secret>`, or undefined. Takes as long for a wrong secret as for a right one. */
  callerOf(key: string): Caller | undefined {
    const id = keyIdOf(key);
    const entry = id === undefined ? undefined : this.#entries.get(id);
    const matches = timingSafeEqual(digestOfKey(key), entry?.digest ?? nobody);
    return matches ? entry?.caller : undefined;
  }
}
