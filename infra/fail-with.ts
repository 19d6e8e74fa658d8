/** How our command-line programs end when something went wrong: one sentence for what a person can mend. */
import { KafkaError } from '@millrace/kafka';
import { ConfigError } from '@millrace/service';
import { UserError } from './stack/user-error.ts';

/** Prints the error and exits: 2 for wrong arguments, else 1. What nobody foresaw comes with its stack. */
export function failWith(error: unknown): never {
  console.error(sentenceOf(error));
  process.exit(error instanceof UserError && error.code === 'ERR_USAGE' ? 2 : 1);
}

/** The message of errors that were written to be read, the stack of any other. */
export function sentenceOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const foreseen = error instanceof UserError || error instanceof KafkaError || error instanceof ConfigError;
  return foreseen ? error.message : (error.stack ?? error.message);
}
