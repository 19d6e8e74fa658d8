/** Questions to the schema registry that need no codec. */
import type { Config } from '@millrace/service';
import { CliError } from './cli-error.ts';
import { reasonOf } from './ingest-client.ts';

const timeoutMs = 5_000;

/** GET under the registry's base URL. Throws CliError where it does not answer, or answers an error. */
export async function askRegistry(
  registry: Config['registry'],
  path: string,
): Promise<{ readonly body: unknown; readonly date: string | null }> {
  const base = registry.url.replace(/\/+$/, '');
  let response: Response;
  try {
    response = await fetch(base + path, {
      headers:
        registry.username === undefined
          ? {}
          : {
              authorization: `Basic ${Buffer.from(`${registry.username}:${registry.password ?? ''}`).toString('base64')}`,
            },
      signal: AbortSignal.timeout(timeoutMs),
    });
    if (response.ok) return { body: await response.json(), date: response.headers.get('date') };
    await response.arrayBuffer();
  } catch (error) {
    throw unreachable(base, reasonOf(error), error);
  }
  throw unreachable(base, `it answers ${response.status} to GET ${path}`);
}

const unreachable = (base: string, why: string, cause?: unknown): CliError =>
  new CliError('unreachable', 'ERR_REGISTRY_UNAVAILABLE', `No schema registry at ${base}: ${why}.`, {
    hint: 'Check registry.url or SCHEMA_REGISTRY_URL: it is the base of the Confluent-compatible API.',
    cause,
  });
