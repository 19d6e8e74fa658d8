/** `.millrace/endpoints.json`: where the local pipeline that `npm start` runs can be reached. */
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { CliError } from './cli-error.ts';

export interface Endpoints {
  /** The file that was read. */
  readonly file: string;
  readonly ingestUrl: string;
  /** host:port. */
  readonly ingestSmtp: string | undefined;
  readonly apiKey: string | undefined;
  readonly sandboxUrl: string | undefined;
  /** host:port, comma separated. */
  readonly kafka: string;
  readonly registry: string;
  readonly redis: string;
}

/** Looks in `directory` and above it. Undefined: there is none. Throws CliError for a file that cannot be read. */
export function findEndpoints(directory: string): Endpoints | undefined {
  for (let at = directory; ; at = dirname(at)) {
    const file = join(at, '.millrace', 'endpoints.json');
    const text = readIfThere(file);
    if (text !== undefined) return parseEndpoints(file, text);
    if (at === dirname(at)) return undefined;
  }
}

/** Throws CliError where a part is missing. */
export function parseEndpoints(file: string, text: string): Endpoints {
  const wrong = (what: string): CliError =>
    new CliError('usage', 'ERR_ENDPOINTS', `${file} ${what}.`, {
      hint: 'npm start writes it when the pipeline is up: start it again, or remove the file.',
    });
  let root: unknown;
  try {
    root = JSON.parse(text);
  } catch {
    throw wrong('is not JSON');
  }
  const optional = (...path: readonly string[]): string | undefined => {
    let value = root;
    for (const name of path) value = member(value, name);
    return typeof value === 'string' && value !== '' ? value : undefined;
  };
  const required = (...path: readonly string[]): string => {
    const value = optional(...path);
    if (value === undefined) throw wrong(`does not say ${path.join('.')}`);
    return value;
  };
  return {
    file,
    ingestUrl: required('ingest', 'http'),
    ingestSmtp: optional('ingest', 'smtp'),
    apiKey: optional('apiKey'),
    sandboxUrl: optional('sandbox', 'http'),
    kafka: required('kafka'),
    registry: required('registry'),
    redis: required('redis'),
  };
}

const member = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null
    ? Object.entries(value).find(([key]) => key === name)?.[1]
    : undefined;

function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : '';
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw new CliError('usage', 'ERR_ENDPOINTS', `${file} cannot be read (${String(code)}).`, {
      cause: error,
    });
  }
}
