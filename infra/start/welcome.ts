/** What somebody needs to know whose pipeline has just come up. */
import { join, relative } from 'node:path';
import { metricsOrder } from '../pipeline/addresses.ts';
import type { Pipeline } from '../pipeline/pipeline.ts';
import type { ServiceProcess } from '../pipeline/service-process.ts';

/** Where everything is, and the first things to try. */
export function welcome({ endpoints, services, configurationFile }: Pipeline, directory: string): string[] {
  const { ingest, apiKey, sandbox, kafka, registry, redis } = endpoints;
  const rows = [
    ['Sandbox', sandbox.http, 'what arrived, and how each provider behaves'],
    ['API', ingest.http, `${ingest.http}/openapi.json describes it`],
    ['API key', apiKey, ''],
    ['SMTP', ingest.smtp, 'user local, password the API key'],
    ['Kafka', kafka, ''],
    ['Registry', registry, ''],
    ['Redis', redis.replace(/\/\/[^@/]*@/, '//'), ''],
    ...inOrder(services).map(({ name, healthUrl }, index) => [
      index === 0 ? 'Metrics' : '',
      `${healthUrl}/metrics`,
      name,
    ]),
    ['Settings', shortest(configurationFile), ''],
    ['Logs', shortest(join(directory, 'logs')), ''],
  ];
  const width = Math.max(...rows.map(([, value = '']) => value.length).filter((length) => length < 50));
  return [
    ...rows.map(([label = '', value = '', note = '']) =>
      `${label.padEnd(9)} ${value.padEnd(width)}  ${note}`.trimEnd(),
    ),
    '',
    'Send one yourself:',
    `  curl ${ingest.http}/v1/messages -H "Authorization: Bearer ${apiKey}" \\`,
    `    -H "Content-Type: application/json" -d '{"from":"me@millrace.test","to":["you@gmail.com"],"subject":"Hello","text":"Hello","stream":"realtime"}'`,
  ];
}

/** In the order of their metrics ports, additional workers last. */
const inOrder = (services: Pipeline['services']): ServiceProcess[] =>
  [...services.values()].toSorted((a, b) => placeOf(a.name) - placeOf(b.name));

const placeOf = (name: string): number => {
  const index = metricsOrder.indexOf(name);
  return index === -1 ? metricsOrder.length : index;
};

/** From where the reader is, when that is shorter. */
function shortest(path: string): string {
  const fromHere = relative(process.cwd(), path);
  return fromHere.length < path.length ? fromHere : path;
}
