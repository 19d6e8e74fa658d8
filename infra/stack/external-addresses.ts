/** Servers of the user's own, instead of the embedded stack. */
import type { StackAddresses } from './embedded-stack.ts';
import { UserError } from './user-error.ts';

const names = ['KAFKA_BROKERS', 'SCHEMA_REGISTRY_URL', 'REDIS_URL'] as const;

/** The addresses when all three are set, undefined when none is. Throws a UserError (`ERR_STACK_HALF_SET`) in between. */
export function externalAddresses(
  env: Readonly<Record<string, string | undefined>>,
): StackAddresses | undefined {
  const [KAFKA_BROKERS, SCHEMA_REGISTRY_URL, REDIS_URL] = names.map((name) => env[name]?.trim());
  if (KAFKA_BROKERS && SCHEMA_REGISTRY_URL && REDIS_URL)
    return { KAFKA_BROKERS, SCHEMA_REGISTRY_URL, REDIS_URL };
  const missing = names.filter((name) => !env[name]?.trim());
  if (missing.length === names.length) return undefined;
  throw new UserError(
    'ERR_STACK_HALF_SET',
    `${names.filter((name) => !missing.includes(name)).join(' and ')} ${missing.length === 2 ? 'is' : 'are'} set but ${missing.join(' and ')} ${missing.length === 1 ? 'is' : 'are'} not: set all three to use servers of your own, or none to use the embedded stack.`,
  );
}
