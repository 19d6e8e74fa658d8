/** The shaping in force, with its rules: that of the configured shaping file, or of the one that was applied last. */
import type { AutomationRule, Shaping, ShapingControl } from '@millrace/core';
import type { KafkaLogger } from '@millrace/kafka';
import { parseAutomation, parseShaping } from '@millrace/shaping';

export interface ShapingSource {
  readonly yaml: string;
  /** For messages. */
  readonly name: string;
}

interface Read {
  readonly shaping: Shaping;
  readonly rules: readonly AutomationRule[];
}

const read = ({ yaml, name }: ShapingSource): Read => ({
  shaping: parseShaping(yaml, name),
  rules: parseAutomation(yaml, name),
});

export class RuleBook {
  readonly #configured: Read;
  readonly #logger: KafkaLogger;
  #read: Read;

  /** Throws ConfigError where the configured file is wrong. */
  constructor(configured: ShapingSource, logger: KafkaLogger) {
    this.#configured = read(configured);
    this.#read = this.#configured;
    this.#logger = logger;
  }

  get rules(): readonly AutomationRule[] {
    return this.#read.rules;
  }

  get shaping(): Shaping {
    return this.#read.shaping;
  }

  /** Takes what was applied; undefined: it was undone. What cannot be read leaves everything as it is. */
  apply(applied: ShapingControl | undefined): void {
    if (applied === undefined) {
      this.#read = this.#configured;
      return;
    }
    try {
      this.#read = read(applied);
    } catch (error) {
      this.#logger.error(
        { error: error instanceof Error ? error.message : String(error), file: applied.name },
        'a shaping file that was applied is wrong; the last good one holds',
      );
    }
  }
}
