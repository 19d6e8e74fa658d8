/** The `millrace` process. */
import { run } from './program.ts';
import { terminalOn } from './terminal.ts';

const interrupt = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => {
    // The second one means it.
    if (interrupt.signal.aborted) process.exit(130);
    interrupt.abort();
  });
}
// Who reads our output has seen enough, as `head` does: that is a normal end.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});

const code = await run(process.argv.slice(2), {
  terminal: terminalOn(process.stdout, process.stderr),
  stdin: process.stdin,
  cwd: process.cwd(),
  env: process.env,
  now: Date.now,
  signal: interrupt.signal,
});
// Not process.exit: what was written to a pipe must still get there.
process.exitCode = code;
