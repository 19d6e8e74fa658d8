/** Whether the schema registry answers and knows the schemas. */
import { subjects } from '@millrace/kafka';
import type { Config } from '@millrace/service';
import { CliError } from '../cli-error.ts';
import { askRegistry } from '../registry-client.ts';
import { type Finding, failed, ok } from './finding.ts';

const check = 'registry';

export async function checkRegistry({ registry, kafka }: Config): Promise<readonly Finding[]> {
  try {
    const { body } = await askRegistry(registry, '/subjects');
    const present = Array.isArray(body) ? body.map(String) : [];
    const wanted = subjects.map(({ subject }) => subject(kafka.topic_prefix));
    const missing = wanted.filter((subject) => !present.includes(subject));
    if (missing.length === 0) return [ok(check, `${registry.url} has the ${wanted.length} schemas`)];
    return [
      failed(
        check,
        `${registry.url} does not have the subjects ${missing.join(', ')}`,
        'Every service registers them when it starts; node infra/setup.ts does it by hand.',
      ),
    ];
  } catch (error) {
    if (!(error instanceof CliError)) throw error;
    return [failed(check, error.message.replace(/\.$/, ''), error.hint ?? '')];
  }
}
