/**
 * Which installation a command talks to. In this order, each part by itself: the flag, the environment variable, the
 * local pipeline's `.millrace/endpoints.json` in this directory or above, the configuration file, the defaults. A
 * configuration that is named (`--config`, MILLRACE_CONFIG) means another installation than the local one: the
 * endpoints file is then not looked at.
 */
import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { type Config, ConfigError, loadConfig } from '@millrace/service';
import { CliError } from './cli-error.ts';
import { type Endpoints, findEndpoints } from './endpoints-file.ts';

/** The flags that every command has. */
export interface InstallationFlags {
  readonly config?: string | undefined;
  readonly url?: string | undefined;
  readonly apiKey?: string | undefined;
}

export interface Installation {
  readonly config: Config;
  /** Where the configuration is from: a file, or in words. */
  readonly configOrigin: string;
  /** Base URL of ingest, without a slash at its end. */
  readonly ingestUrl: string;
  readonly apiKey: string | undefined;
  readonly sandboxUrl: string | undefined;
  /** The local pipeline, where it is what was found. */
  readonly endpoints: Endpoints | undefined;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** Throws CliError where a named file is missing or wrong. */
export function findInstallation(flags: InstallationFlags, env: Environment, cwd: string): Installation {
  const named = flags.config ?? env.MILLRACE_CONFIG;
  const endpoints = named ? undefined : findEndpoints(cwd);
  const file = named ? resolve(cwd, named) : fileBeside(endpoints, cwd);
  if (named && file && !existsSync(file)) {
    throw new CliError('usage', 'ERR_CONFIG', `There is no configuration file ${file}.`, {
      hint: 'Check --config or MILLRACE_CONFIG.',
    });
  }
  const config = load(file, { ...addressesOf(endpoints), ...env, MILLRACE_CONFIG: undefined });
  const { host, port } = config.ingest.http;
  const url = flags.url ?? env.MILLRACE_URL ?? endpoints?.ingestUrl ?? `http://${reachable(host)}:${port}`;
  return {
    config,
    configOrigin: file ?? (endpoints ? endpoints.file : 'defaults and environment'),
    ingestUrl: checkedUrl(url),
    apiKey: flags.apiKey ?? env.MILLRACE_API_KEY ?? endpoints?.apiKey,
    sandboxUrl: endpoints?.sandboxUrl,
    endpoints,
  };
}

/** The local pipeline's own configuration lies beside its endpoints; else the directory's. */
function fileBeside(endpoints: Endpoints | undefined, cwd: string): string | undefined {
  const candidates = endpoints
    ? [join(dirname(endpoints.file), 'millrace.yaml')]
    : [join(cwd, 'millrace.yaml')];
  return candidates.find((candidate) => existsSync(candidate));
}

const addressesOf = (endpoints: Endpoints | undefined): Environment =>
  endpoints === undefined
    ? {}
    : {
        KAFKA_BROKERS: endpoints.kafka,
        SCHEMA_REGISTRY_URL: endpoints.registry,
        REDIS_URL: endpoints.redis,
      };

function load(file: string | undefined, env: Environment): Config {
  try {
    return loadConfig({ ...(file === undefined ? {} : { file }), env });
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throw new CliError('usage', error.code, error.message, { cause: error });
  }
}

/** A server that listens on every address is reached on this machine. */
const reachable = (host: string): string => {
  if (host === '0.0.0.0' || host === '::') return '127.0.0.1';
  return host.includes(':') ? `[${host}]` : host;
};

function checkedUrl(text: string): string {
  const url = URL.parse(text);
  if (url?.protocol !== 'http:' && url?.protocol !== 'https:') {
    throw new CliError('usage', 'ERR_USAGE', `"${text}" is not an http or https URL.`, {
      hint: 'Check --url or MILLRACE_URL.',
    });
  }
  return url.href.replace(/\/+$/, '');
}
