/**
 * Loaded into each service of a local pipeline before its main.ts: asks it to stop when the process that started it
 * is gone, however that ended. Nothing stays behind, even after a SIGKILL.
 */
import { isMainThread } from 'node:worker_threads';

if (isMainThread) {
  const parent = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(timer);
    process.kill(process.pid, 'SIGTERM');
  }, 1_000);
  timer.unref();
}
