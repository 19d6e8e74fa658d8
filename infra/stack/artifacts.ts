/** Fetches what the embedded stack runs (Maven Central) and finds the programs that it needs. */
import { execFile, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { UserError } from './user-error.ts';

const run = promisify(execFile);
const pom = new URL('pom.xml', import.meta.url).pathname;

export interface Artifacts {
  readonly java: string;
  readonly kafkaClassPath: string;
  readonly registryDirectory: string;
  readonly redisServer: string;
}

/**
 * Resolves everything under `libDirectory`, downloading what is not there yet.
 * @param progress called with a short line whenever something worth showing happens
 * @throws UserError `ERR_JAVA_MISSING`, `ERR_MAVEN_MISSING`, `ERR_DOWNLOAD`
 */
export async function resolveArtifacts(
  libDirectory: string,
  progress: (line: string) => void,
): Promise<Artifacts> {
  const java = await findJava();
  const stampFile = join(libDirectory, 'pom.sha256');
  const wanted = createHash('sha256').update(readFileSync(pom)).digest('hex');
  if (!existsSync(stampFile) || readFileSync(stampFile, 'utf8') !== wanted) {
    rmSync(libDirectory, { recursive: true, force: true });
    await download(libDirectory, progress);
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

async function download(libDirectory: string, progress: (line: string) => void): Promise<void> {
  progress('downloading Kafka, the schema registry and Redis from Maven Central (about 200 MB, once)');
  const child = spawn('mvn', ['--batch-mode', '--file', pom, `-Dlib=${libDirectory}`, 'generate-resources'], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  let downloaded = 0;
  const read = (chunk: Buffer): void => {
    const text = chunk.toString();
    output = (output + text).slice(-8_000);
    const before = downloaded;
    downloaded += text.match(/Downloaded from/g)?.length ?? 0;
    if (Math.floor(before / 20) !== Math.floor(downloaded / 20)) progress(`  ${downloaded} files`);
  };
  child.stdout.on('data', read);
  child.stderr.on('data', read);
  await new Promise<void>((resolve, reject) => {
    child.once('error', (cause) =>
      reject(
        new UserError(
          'ERR_MAVEN_MISSING',
          'Maven is needed to download Kafka and the schema registry, and `mvn` is not on the PATH: install it (Debian: apt install maven), or point KAFKA_BROKERS, SCHEMA_REGISTRY_URL and REDIS_URL at servers of your own.',
          { cause },
        ),
      ),
    );
    child.once('close', (code) => {
      if (code === 0) resolve();
      else
        reject(
          new UserError(
            'ERR_DOWNLOAD',
            `Maven could not download the embedded stack (is Maven Central reachable?): ${output.match(/\[ERROR\].*/)?.[0] ?? output.slice(-300)}`,
          ),
        );
    });
  });
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
