/** Downloads the embedded stack by Maven, and says how far it is. */
import { spawn } from 'node:child_process';
import { copyFileSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { UserError } from './user-error.ts';

/** What all of it comes to, MB: for the person who waits. */
const expectedMb = 210;
const showEveryMs = 3_000;

/**
 * Fills `libDirectory` anew from Maven Central, or from what Maven keeps of it in the user's home.
 * @throws UserError `ERR_MAVEN_MISSING`, `ERR_DOWNLOAD`; the signal's reason when it ends the download
 */
export async function downloadStack(
  pom: string,
  libDirectory: string,
  progress: (line: string) => void,
  signal?: AbortSignal,
): Promise<void> {
  rmSync(libDirectory, { recursive: true, force: true });
  mkdirSync(libDirectory, { recursive: true });
  // Maven writes beside its pom.xml what it has unpacked: there it goes when the directory goes.
  const copy = join(libDirectory, 'pom.xml');
  copyFileSync(pom, copy);
  progress(
    `downloading Kafka, the schema registry and Redis from Maven Central (about ${expectedMb} MB, once)`,
  );
  const child = spawn(
    'mvn',
    ['--file', copy, `-Dlib=${libDirectory}`, '-Dstyle.color=never', 'generate-resources'],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
      signal,
      // Of a group of its own: Ctrl-C reaches us, and we end it.
      detached: true,
    },
  );
  const transfer = new MavenTransfer();
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8');
    stream.on('data', (text: string) => {
      output = (output + text).slice(-8_000);
      transfer.read(text);
    });
  }
  const timer = setInterval(() => {
    if (transfer.megabytes >= 1) progress(`  ${Math.round(transfer.megabytes)} of about ${expectedMb} MB`);
  }, showEveryMs);
  try {
    const code = await new Promise<number | null>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', resolve);
    });
    if (code !== 0) throw downloadFailed(output);
  } catch (error) {
    signal?.throwIfAborted();
    throw error instanceof UserError ? error : mavenMissing(error);
  } finally {
    clearInterval(timer);
  }
}

const mavenMissing = (cause: unknown): UserError =>
  new UserError(
    'ERR_MAVEN_MISSING',
    'Maven is needed to download Kafka and the schema registry, and `mvn` is not on the PATH: install it (Debian: apt install maven), or point KAFKA_BROKERS, SCHEMA_REGISTRY_URL and REDIS_URL at servers of your own.',
    { cause },
  );

const downloadFailed = (output: string): UserError =>
  new UserError(
    'ERR_DOWNLOAD',
    `Maven could not download the embedded stack (is Maven Central reachable?): ${output.match(/\[ERROR\].*/)?.[0] ?? output.slice(-300)}`,
  );

const megabytesOf: Readonly<Record<string, number>> = { B: 1e-6, kB: 1e-3, MB: 1, GB: 1e3 };

/** Adds up what Maven prints of its transfers. */
export class MavenTransfer {
  #done = 0;
  #underWay = 0;
  #rest = '';

  /** Downloaded so far. */
  get megabytes(): number {
    return this.#done + this.#underWay;
  }

  read(text: string): void {
    const lines = (this.#rest + text).split(/[\r\n]+/);
    this.#rest = lines.pop() ?? '';
    for (const line of lines) {
      const finished = /^Downloaded from .* \(([\d.]+) (B|kB|MB|GB) at/.exec(line);
      if (finished) {
        this.#done += sizeOf(finished[1], finished[2]);
        this.#underWay = 0;
      } else if (line.startsWith('Progress (')) {
        this.#underWay = [...line.matchAll(/([\d.]+)(?:\/[\d.]+)? (B|kB|MB|GB)/g)].reduce(
          (sum, [, number, unit]) => sum + sizeOf(number, unit),
          0,
        );
      }
    }
  }
}

const sizeOf = (number: string | undefined, unit: string | undefined): number =>
  Number(number) * (megabytesOf[unit ?? ''] ?? 0);
