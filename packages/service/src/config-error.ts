/** What is wrong in a configuration: where, what, and what to do. */

export interface ConfigProblem {
  /** File as it was given; undefined where the value came from the environment or from nowhere. */
  readonly file: string | undefined;
  /** Line in the file, from 1. */
  readonly line: number | undefined;
  /** Name of the environment variable that the value came from. */
  readonly variable: string | undefined;
  /** Such as `pools.batch.sources[0].source`; empty for the file as a whole. */
  readonly key: string;
  /** A sentence without the place. Never holds a secret. */
  readonly message: string;
}

const placeOf = ({ file, line, variable }: ConfigProblem): string => {
  if (variable !== undefined) return `${variable} (environment): `;
  if (file === undefined) return '';
  return line === undefined ? `${file}: ` : `${file}:${line}: `;
};

const sentenceOf = (problem: ConfigProblem): string =>
  `${placeOf(problem)}${problem.key === '' ? '' : `${problem.key}: `}${problem.message}`;

/** The configuration cannot be used. `message` has a line for each problem. */
export class ConfigError extends Error {
  readonly code = 'ERR_CONFIG';
  readonly problems: readonly ConfigProblem[];
  /** Place of the first problem. */
  readonly file: string | undefined;
  readonly line: number | undefined;
  readonly key: string;

  constructor(problems: readonly [ConfigProblem, ...ConfigProblem[]], options?: ErrorOptions) {
    super(problems.map(sentenceOf).join('\n'), options);
    this.name = 'ConfigError';
    this.problems = problems;
    this.file = problems[0].file;
    this.line = problems[0].line;
    this.key = problems[0].key;
  }
}
