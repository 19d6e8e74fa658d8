/** Why a service did not start, in one sentence for the person at the keyboard. */
import type { Config } from './config-schema.ts';
import { keyOf } from './yaml-file.ts';

/** Errors after which starting is tried again: what is missing comes back by itself. */
const comesBack: ReadonlySet<string> = new Set(['ERR_KAFKA_UNAVAILABLE', 'ERR_REGISTRY_UNAVAILABLE']);

const codeOf = (error: unknown): string | undefined =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;

const topicMissing = (error: unknown): boolean =>
  error instanceof Error && 'type' in error && error.type === 'UNKNOWN_TOPIC_OR_PARTITION';

/** What is waited for, or undefined for an error that waiting does not mend. */
export const waitsFor = (error: unknown): string | undefined => {
  if (topicMissing(error)) return 'A topic is not there: `node infra/setup.ts` creates all of them.';
  return error instanceof Error && comesBack.has(codeOf(error) ?? '') ? error.message : undefined;
};

/** Keys of the configuration that hold this port. */
const keysOfPort = (value: unknown, port: number, path: readonly string[] = []): string[] => {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return [];
  return Object.entries(value).flatMap(([key, inner]) => {
    const at = [...path, key];
    return inner === port && key.endsWith('port') ? [keyOf(at)] : keysOfPort(inner, port, at);
  });
};

/**
 * One sentence, or undefined for an error that nobody foresaw, which is shown with its stack. Errors with a code of
 * their own (`ERR_...`) say in their message what to do.
 */
export const explainStart = (error: unknown, config: Config | undefined): string | undefined => {
  if (!(error instanceof Error)) return undefined;
  const code = codeOf(error);
  const { address, port, path } = error as { address?: string; port?: number; path?: string };
  switch (code) {
    case 'EADDRINUSE': {
      const [key] = keysOfPort(config, port ?? -1);
      const where = key === undefined ? 'choose another port' : `set another \`${key}\` (0: any free one)`;
      return `${address}:${port} is in use by another process: stop that one, or ${where}.`;
    }
    case 'EADDRNOTAVAIL':
      return `${address} is no address of this machine: correct the \`host\` in the configuration.`;
    case 'EACCES':
      return path === undefined
        ? `Listening on ${address}:${port} is not allowed: choose a port from 1024, or give the right to do so.`
        : `${path} cannot be used: permission denied.`;
    case 'ENOENT':
      return path === undefined
        ? error.message
        : `${path} is not there: a key of the configuration names it.`;
    default:
      return code?.startsWith('ERR_') && !code.startsWith('ERR_INVALID_') ? error.message : undefined;
  }
};
