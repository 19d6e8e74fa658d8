/** Apicurio Registry with its H2 file: the Confluent API is under /apis/ccompat/v7. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Artifacts } from './artifacts.ts';
import { type Child, startChild } from './child.ts';

export interface RegistryOptions {
  readonly directory: string;
  readonly port: number;
  readonly detached: boolean;
  /** Ends the start. */
  readonly signal?: AbortSignal | undefined;
}

export const registryUrl = (port: number): string => `http://127.0.0.1:${port}/apis/ccompat/v7`;

/** Starts the registry; resolves when its Confluent API answers. */
export async function startRegistry(artifacts: Artifacts, options: RegistryOptions): Promise<Child> {
  mkdirSync(options.directory, { recursive: true });
  const home = artifacts.registryDirectory;
  const child = startChild({
    name: 'The schema registry',
    command: artifacts.java,
    args: [
      '-Xmx256m',
      // Up sooner; it has little to do afterwards.
      '-XX:TieredStopAtLevel=1',
      '-XX:+UseSerialGC',
      // Not read by it: shows in the list of processes whose registry this is.
      `-Dmillrace.directory=${options.directory}`,
      `-Dquarkus.http.port=${options.port}`,
      '-Dquarkus.http.host=127.0.0.1',
      '-cp',
      `${join(home, 'apicurio-registry-app-2.6.13.Final-runner.jar')}:${join(home, 'lib', '*')}`,
      'io.quarkus.runner.GeneratedMain',
    ],
    env: { REGISTRY_DATASOURCE_URL: `jdbc:h2:file:${join(options.directory, 'registry')}` },
    logFile: join(options.directory, 'registry.log'),
    detached: options.detached,
    signal: options.signal,
  });
  await child.untilReady(() => registryAnswers(registryUrl(options.port)), 60_000);
  return child;
}

/** True when `GET {url}/subjects` is a 200. */
export async function registryAnswers(url: string): Promise<boolean> {
  try {
    const response = await fetch(`${url}/subjects`, { signal: AbortSignal.timeout(2_000) });
    await response.arrayBuffer();
    return response.ok;
  } catch {
    // Not listening yet: the caller asks again.
    return false;
  }
}
