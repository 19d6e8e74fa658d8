/** MTA-STS policies in Redis: a worker that starts knows at once what domains have asked for, whatever DNS says now. */
import type { KeptPolicy, StsPolicies } from '@millrace/smtp';
import type { RedisClient } from './redis-script.ts';

export interface KeptPoliciesOptions {
  readonly client: RedisClient;
  readonly keyPrefix: string;
}

const keyOf = (keyPrefix: string): string => `${keyPrefix}mta-sts`;

/** Keeps a policy for the workers that start later. Rejects while Redis is away. */
export const keepPolicy = async (
  { client, keyPrefix }: KeptPoliciesOptions,
  domain: string,
  kept: KeptPolicy,
): Promise<void> => {
  await client.hset(keyOf(keyPrefix), domain, JSON.stringify(kept));
};

/** Takes up what was kept, and removes what is over or cannot be read; how many are in force. Rejects while Redis is away. */
export const restorePolicies = async (
  { client, keyPrefix }: KeptPoliciesOptions,
  policies: Pick<StsPolicies, 'restore'>,
): Promise<number> => {
  const all = Object.entries(await client.hgetall(keyOf(keyPrefix)));
  const over = all.filter(([domain, text]) => !isRestored(policies, domain, text)).map(([domain]) => domain);
  if (over.length > 0) await client.hdel(keyOf(keyPrefix), ...over);
  return all.length - over.length;
};

const isRestored = (policies: Pick<StsPolicies, 'restore'>, domain: string, text: string): boolean => {
  try {
    const kept: unknown = JSON.parse(text);
    return isKept(kept) && policies.restore(domain, kept);
  } catch {
    // Not JSON, or no policy: of another version of this program.
    return false;
  }
};

const isKept = (value: unknown): value is KeptPolicy =>
  typeof value === 'object' &&
  value !== null &&
  'id' in value &&
  typeof value.id === 'string' &&
  'file' in value &&
  typeof value.file === 'string' &&
  'fetchedAt' in value &&
  typeof value.fetchedAt === 'number';
