/** How `millrace` ends: what scripts may rely on. docs/cli.md and `--help` list the same. */

/** Every way to end, with its code and what it means. */
export const endings = {
  ok: [0, 'done'],
  failed: [1, 'a bad result (a check failed, a message bounced), or an error inside'],
  usage: [2, 'the command line, or a file that it names, is wrong'],
  unreachable: [3, 'ingest, Kafka, the registry or Redis does not answer'],
  not_found: [4, 'there is no such message or template'],
  refused: [5, 'the service said no: API key, scope, invalid content, rate limit'],
  timed_out: [6, 'what was waited for did not come in time'],
} as const satisfies Record<string, readonly [number, string]>;

export type Ending = keyof typeof endings;

/** The process's exit code. */
export const exitCodeOf = (ending: Ending): number => endings[ending][0];

/** The lines under every `--help`. */
export const exitCodeHelp = (): string =>
  ['Exit codes:', ...Object.values(endings).map(([code, meaning]) => `  ${code}  ${meaning}`)].join('\n');
