/** The rules in force: those of the configured shaping file, or of the one that was applied last. */
import type { AutomationRule, ShapingControl } from '@millrace/core';
import type { KafkaLogger } from '@millrace/kafka';
import { parseAutomation } from '@millrace/shaping';

export interface ShapingSource {
  readonly yaml: string;
  /** For messages. */
  readonly name: string;
}

export class RuleBook {
  readonly #configured: readonly AutomationRule[];
  readonly #logger: KafkaLogger;
  #rules: readonly AutomationRule[];

  /** Throws ConfigError where the configured file is wrong. */
  constructor(configured: ShapingSource, logger: KafkaLogger) {
    this.#configured = parseAutomation(configured.yaml, configured.name);
    this.#rules = this.#configured;
    this.#logger = logger;
  }

  get rules(): readonly AutomationRule[] {
    return this.#rules;
  }

  /** Takes what was applied; undefined: it was undone. What cannot be read leaves the rules as they are. */
  apply(shaping: ShapingControl | undefined): void {
    if (shaping === undefined) {
      this.#rules = this.#configured;
      return;
    }
    try {
      this.#rules = parseAutomation(shaping.yaml, shaping.name);
    } catch (error) {
      this.#logger.error(
        { error: error instanceof Error ? error.message : String(error), file: shaping.name },
        'a shaping file that was applied is wrong; the last good rules hold',
      );
    }
  }
}
