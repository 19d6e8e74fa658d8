/**
 * Whether Redis is there, as this worker sees it; what all limits ask before they rely on it.
 *
 * `away`: each worker keeps to its own share of a limit. `returning`: Redis answers again, but other workers may not
 * have noticed and still use their shares; until all had the time to, the share holds as well as what Redis grants.
 */
export type PresenceState = 'here' | 'returning' | 'away';

export interface RedisPresenceOptions {
  /** How long after it came back other workers may still be without it, ms. Default 4,000. */
  readonly returningMs?: number;
  /** A clock that never goes back, ms. */
  readonly nowMs?: () => number;
  /** Told once for each change between there and not there; `error`: what was seen. */
  readonly onChange?: (here: boolean, error: unknown) => void;
}

/** Starting up is no outage: nobody has used a share before this, ms. */
const startupMs = 2_000;

export class RedisPresence {
  readonly #returningMs: number;
  readonly #nowMs: () => number;
  readonly #onChange: (here: boolean, error: unknown) => void;
  #here = false;
  #since: number;
  /** State `returning` ends. */
  #trustedAt = 0;

  constructor({ returningMs = 4_000, nowMs = () => performance.now(), onChange }: RedisPresenceOptions = {}) {
    this.#returningMs = returningMs;
    this.#nowMs = nowMs;
    this.#onChange = onChange ?? (() => undefined);
    this.#since = nowMs();
  }

  get state(): PresenceState {
    if (!this.#here) return 'away';
    return this.#nowMs() < this.#trustedAt ? 'returning' : 'here';
  }

  /** How long it has been there, or away, ms. */
  get sinceMs(): number {
    return this.#nowMs() - this.#since;
  }

  /** Redis answered. */
  answered(): void {
    if (this.#here) return;
    const now = this.#nowMs();
    this.#trustedAt = now - this.#since > startupMs ? now + this.#returningMs : now;
    this.#here = true;
    this.#since = now;
    this.#onChange(true, undefined);
  }

  /** A call failed, or the connection closed. */
  failed(error: unknown): void {
    if (!this.#here) return;
    this.#here = false;
    this.#since = this.#nowMs();
    this.#onChange(false, error);
  }

  /** The result of a call, noting whether it came; undefined when it failed. */
  async note<T>(call: Promise<T>): Promise<T | undefined> {
    try {
      const result = await call;
      this.answered();
      return result;
    } catch (error) {
      this.failed(error);
      return undefined;
    }
  }
}
