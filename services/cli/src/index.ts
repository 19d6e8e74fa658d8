/** The `millrace` command. */
export { type Ending, endings, exitCodeOf } from './exit-codes.ts';
export { run, type Surroundings } from './program.ts';
