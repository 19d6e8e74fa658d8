/** What a command is given. */
import type { Installation } from './installation.ts';
import type { Terminal } from './terminal.ts';

export interface CommandContext {
  readonly terminal: Terminal;
  /** One JSON document, or JSON lines for what goes on. */
  readonly json: boolean;
  readonly stdin: NodeJS.ReadableStream;
  /** Where relative file names start. */
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly now: () => number;
  /** Aborts on Ctrl-C. */
  readonly signal: AbortSignal;
  /** Looked up at the first use. Throws CliError. */
  readonly installation: () => Installation;
}
