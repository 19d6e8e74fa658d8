/** Fetches what the embedded stack runs (Maven Central) and finds the programs that it needs. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { downloadStack } from './download.ts';
import { UserError } from './user-error.ts';

const run = promisify(execFile);
const pom = join(import.meta.dirname, 'pom.xml');

export interface Artifacts {
  readonly java: string;
  readonly kafkaClassPath: string;
  readonly registryDirectory: string;
  readonly redisServer: string;
}

/**
 * Resolves everything under `libDirectory`, downloading what is not there yet.
 * @param progress called with a short line whenever something worth showing happens
 * @param signal ends a download
 * @throws UserError `ERR_JAVA_MISSING`, `ERR_MAVEN_MISSING`, `ERR_DOWNLOAD`
 */
export async function resolveArtifacts(
  libDirectory: string,
  progress: (line: string) => void,
  signal?: AbortSignal,
): Promise<Artifacts> {
  const java = await findJava();
  const stampFile = join(libDirectory, 'pom.sha256');
  const wanted = createHash('sha256').update(readFileSync(pom)).digest('hex');
  if (!existsSync(stampFile) || readFileSync(stampFile, 'utf8') !== wanted) {
    await downloadStack(pom, libDirectory, progress, signal);
    writeFileSync(stampFile, wanted);
  }
  return {
    java,
    kafkaClassPath: join(libDirectory, 'kafka', '*'),
    registryDirectory: join(libDirectory, 'registry'),
    redisServer: (await redisFromPath()) ?? redisFromJar(join(libDirectory, 'redis')),
  };
}

async function findJava(): Promise<string> {
  const java = process.env.JAVA_HOME ? join(process.env.JAVA_HOME, 'bin', 'java') : 'java';
  let version: string;
  try {
    version = (await run(java, ['-version'])).stderr;
  } catch (cause) {
    throw new UserError(
      'ERR_JAVA_MISSING',
      'Java 17 or newer is needed to run Kafka and the schema registry, and no `java` is on the PATH: install it (Debian: apt install openjdk-17-jre-headless).',
      { cause },
    );
  }
  const major = Number(/version "(\d+)/.exec(version)?.[1] ?? 0);
  if (major < 17)
    throw new UserError(
      'ERR_JAVA_MISSING',
      `Java 17 or newer is needed, ${java} is version ${major}: install a newer one or set JAVA_HOME.`,
    );
  return java;
}

async function redisFromPath(): Promise<string | undefined> {
  try {
    const { stdout } = await run('redis-server', ['--version']);
    const [major = 0, minor = 0] = (/v=(\d+)\.(\d+)/.exec(stdout) ?? []).slice(1).map(Number);
    return major > 6 || (major === 6 && minor >= 2) ? 'redis-server' : undefined;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

function redisFromJar(directory: string): string {
  const architecture = process.arch === 'x64' ? 'amd64' : process.arch;
  const suffix = `-${process.platform}-${architecture}`;
  const name = readdirSync(directory).find((file) => file.endsWith(suffix));
  if (name === undefined)
    throw new UserError(
      'ERR_REDIS_MISSING',
      `There is no Redis for ${process.platform} ${process.arch} at hand: install redis-server 6.2 or newer.`,
    );
  const file = join(directory, name);
  chmodSync(file, 0o755);
  return file;
}
