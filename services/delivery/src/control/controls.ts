/** Controls, followed from mail.control by every worker for itself, with the shaping that holds at the moment. */
import {
  type Control,
  ControlTable,
  type LaneLimits,
  type LaneOf,
  laneLimits,
  type MessageLimit,
  ownDomainOf,
  type Shaping,
  topics,
} from '@millrace/core';
import type { FollowedTable, Kafka, KafkaLogger } from '@millrace/kafka';
import { ConfigError } from '@millrace/service';
import { shapingOfText } from '@millrace/shaping';

export interface ControlsOptions {
  readonly kafka: Kafka;
  /** Of the configuration: it holds while no other is applied. */
  readonly shaping: Shaping;
  readonly logger: KafkaLogger;
  /** ms since the epoch. */
  readonly now: () => number;
  /**
   * Something is different; what changes in one turn of the event loop is told once.
   * @param ways not only limits: messages may have to go another way than they were put on
   */
  readonly onChange: (ways: boolean) => void;
}

/** Limits of a lane, and until when they hold. */
export interface LimitsNow {
  readonly limits: LaneLimits;
  /** ms since the epoch; null: until the next change. */
  readonly changesAt: number | null;
}

/** Whether a control holds messages back, ends them or sends them another way. */
const directs = (control: Control): boolean =>
  isAboutWays(control) &&
  (control.kind !== 'warmup' || control.spent.length > 0 || Object.values(control.caps).includes(0));

/** Whether a control may say where messages go, not only how fast. */
const isAboutWays = (control: Control): boolean => {
  switch (control.kind) {
    case 'suspension':
    case 'drop':
    case 'move':
    case 'warmup':
      return true;
    case 'limits':
    case 'cap':
    case 'adaptive':
    case 'hold':
    case 'shaping':
      return false;
    default:
      return control satisfies never;
  }
};

/** Forgetting controls that are over, ms. */
const sweepMs = 60_000;

export class Controls {
  readonly table = new ControlTable();
  readonly #options: ControlsOptions;
  readonly #followed: Promise<FollowedTable>;
  readonly #timer: NodeJS.Timeout;
  #shaping: Shaping;
  /** The text that `#shaping` is, or would be if it could be read; undefined: the configuration's file. */
  #applied: Control | undefined;
  #problem: string | null = null;
  #directs = false;
  #changed = false;
  #waysChanged = false;
  #following = false;

  private constructor(options: ControlsOptions) {
    this.#options = options;
    this.#shaping = options.shaping;
    this.#followed = options.kafka.followedTable({
      topic: topics.control,
      record: 'ControlState',
      onChange: (key, record) => {
        const applied = this.table.apply(key, record);
        if (applied.kind === 'refused')
          options.logger.warn({ key, problem: applied.problem }, 'a control cannot be used');
        else this.#note(applied.control);
      },
    });
    this.#timer = setInterval(() => {
      for (const control of this.table.sweep(options.now())) this.#note(control);
    }, sweepMs);
  }

  /** Resolves when every control that exists now is known: nothing may be sent before. */
  static async follow(options: ControlsOptions): Promise<Controls> {
    const controls = new Controls(options);
    const table = await controls.#followed;
    await table.caughtUp();
    controls.#settle();
    controls.#following = true;
    return controls;
  }

  /** Whether any message may be held back, ended or sent another way: looked at for each message, so it is cheap. */
  get directs(): boolean {
    return this.#directs;
  }

  /** Why the applied shaping file is not the one in force; null: it is. */
  get shapingProblem(): string | null {
    return this.#problem;
  }

  limitsOf(lane: LaneOf): LimitsNow {
    const { inForce, nextChangeAt } = this.table.limitChangesOf(lane, this.#options.now());
    return { limits: laneLimits(this.#shaping, lane, inForce), changesAt: nextChangeAt };
  }

  /** Rates of tenants, campaigns and tags. */
  get messageLimits(): readonly MessageLimit[] {
    return this.#shaping.messageLimits;
  }

  /** Whether any domain has lanes of its own. */
  get hasOwnDomains(): boolean {
    return this.#shaping.domains.size > 0;
  }

  /** The domain, where the shaping gives it lanes of its own. */
  readonly ownDomain = (domain: string): string | undefined => ownDomainOf(this.#shaping, domain);

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    this.#following = false;
    await (await this.#followed).stop();
  }

  #note(control: Control | undefined): void {
    if (control === undefined || !this.#following) return;
    this.#waysChanged ||= isAboutWays(control);
    if (this.#changed) return;
    this.#changed = true;
    setImmediate(() => {
      const ways = this.#waysChanged;
      this.#changed = false;
      this.#waysChanged = false;
      if (!this.#following) return;
      this.#settle();
      this.#options.onChange(ways);
    });
  }

  #settle(): void {
    const { now, shaping } = this.#options;
    this.#directs = this.table.list(now()).some(directs);
    const applied = this.table.shapingText(now());
    if (applied === this.#applied) return;
    this.#applied = applied;
    if (applied === undefined) {
      this.#shaping = shaping;
      this.#problem = null;
    } else this.#read(applied.yaml, applied.name);
  }

  #read(yaml: string, name: string): void {
    try {
      this.#shaping = shapingOfText(yaml, name).shaping;
      this.#problem = null;
      this.#options.logger.info({ shaping: name }, 'a shaping file is in force');
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      this.#problem = error.message;
      const text = 'a shaping file cannot be read; the last good one stays in force';
      this.#options.logger.error({ shaping: name, error: error.message }, text);
    }
  }
}
