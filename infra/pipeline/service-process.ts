/** One service of the pipeline as a child process that can be killed and started again. */
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { type Child, startChild } from '../stack/child.ts';
import type { UserError } from '../stack/user-error.ts';

const root = resolve(import.meta.dirname, '../..');
const readyWithinMs = 90_000;
/** Longer than a service gives itself to stop. */
const stopWithinMs = 25_000;

export interface ServiceProcessOptions {
  /** Unique in its pipeline, e.g. `delivery-batch-2`. */
  readonly name: string;
  /** Folder of `services`. */
  readonly service: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Of the installation: `logs` and `run` are in it. */
  readonly directory: string;
  /** Of /metrics, /healthz and /readyz; 0: any free one. */
  readonly healthPort: number;
  /** Ends a start. */
  readonly signal: AbortSignal | undefined;
  /** Told when it ends without having been asked to. */
  readonly onDeath: (error: UserError) => void;
}

/**
 * What waits is in Kafka: a process stays under 300 MB. Node by itself would let garbage grow to several times that, and
 * under so low a bound would collect whenever there is a third more than after the last time: below 128 MB it need not.
 */
const heapBound = ['--max-old-space-size=192', '--initial-old-space-size=128', '--max-semi-space-size=16'];

export class ServiceProcess {
  readonly name: string;
  readonly logFile: string;
  readonly #options: ServiceProcessOptions;
  readonly #healthFile: string;
  #child: Child | undefined;
  /** The child whose end somebody asked for. */
  #ending: Child | undefined;
  #healthUrl = '';

  constructor(options: ServiceProcessOptions) {
    this.name = options.name;
    this.#options = options;
    this.logFile = join(options.directory, 'logs', `${options.name}.log`);
    this.#healthFile = join(options.directory, 'run', `${options.name}.json`);
  }

  /** -1 while it does not run. */
  get pid(): number {
    return this.running && this.#child ? this.#child.pid : -1;
  }

  get running(): boolean {
    return this.#child?.running ?? false;
  }

  /** `http://host:port` of /metrics, /healthz and /readyz; empty until it was ready. */
  get healthUrl(): string {
    return this.#healthUrl;
  }

  /** Starts it; resolves when /readyz says so. Throws a UserError when it dies first or is not ready in time. */
  async start(): Promise<void> {
    if (this.running) return;
    const { service, args, env, healthPort } = this.#options;
    mkdirSync(dirname(this.#healthFile), { recursive: true });
    rmSync(this.#healthFile, { force: true });
    if (existsSync(this.logFile)) renameSync(this.logFile, `${this.logFile}.1`);
    const child = startChild({
      name: this.name,
      command: process.execPath,
      args: [
        ...heapBound,
        '--import',
        join(import.meta.dirname, 'end-with-parent.ts'),
        join(root, 'services', service, 'src', 'main.ts'),
        ...args,
      ],
      cwd: root,
      env: { ...env, MILLRACE_HEALTH_FILE: this.#healthFile, MILLRACE_HTTP_PORT: String(healthPort) },
      logFile: this.logFile,
      stopTimeoutMs: stopWithinMs,
      signal: this.#options.signal,
    });
    this.#child = child;
    await child.untilReady(() => this.#isReady(), readyWithinMs);
    void child.ended.then(() => {
      if (this.#ending !== child) this.#options.onDeath(child.obituary());
    });
  }

  /** Ends it as a crash would; resolves when it is gone. `start` brings it back. */
  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const child = this.#child;
    if (!child?.running) return;
    this.#ending = child;
    process.kill(child.pid, signal);
    await child.ended;
  }

  /** Asks it to finish what it has begun; kills it when that takes too long. */
  async stop(): Promise<void> {
    if (!this.#child) return;
    this.#ending = this.#child;
    await this.#child.stop();
  }

  async #isReady(): Promise<boolean> {
    if (!existsSync(this.#healthFile)) return false;
    const text = readFileSync(this.#healthFile, 'utf8');
    // Still being written.
    if (!text.trimEnd().endsWith('}')) return false;
    const { url }: { url: string } = JSON.parse(text);
    this.#healthUrl = url;
    try {
      const response = await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(2_000) });
      await response.arrayBuffer();
      return response.ok;
    } catch {
      // Busy or not listening yet: asked again.
      return false;
    }
  }
}
