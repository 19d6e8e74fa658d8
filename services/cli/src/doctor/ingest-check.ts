/** Whether ingest takes messages. */
import { reasonOf } from '../ingest-client.ts';
import type { Installation } from '../installation.ts';
import { type Finding, failed, ok, warning } from './finding.ts';

const check = 'ingest';

export async function checkIngest({
  ingestUrl,
  endpoints,
}: Pick<Installation, 'ingestUrl' | 'endpoints'>): Promise<readonly Finding[]> {
  try {
    const response = await fetch(`${ingestUrl}/readyz`, { signal: AbortSignal.timeout(5_000) });
    await response.arrayBuffer();
    if (response.ok) return [ok(check, `${ingestUrl} takes messages`)];
    return [
      failed(
        check,
        `${ingestUrl} does not take messages now (${response.status})`,
        'It waits for Kafka: see the Kafka check.',
      ),
    ];
  } catch (error) {
    const what = `${ingestUrl} does not answer: ${reasonOf(error)}`;
    return endpoints === undefined
      ? [warning(check, what, 'Start it, or say where it is with --url or MILLRACE_URL.')]
      : [failed(check, what, 'npm start starts it; is it still running?')];
  }
}
