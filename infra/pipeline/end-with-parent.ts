/**
 * Loaded before the program of a process that must not outlive the one that started it: asks it to stop when that one
 * is gone, however it ended. Nothing stays behind, even after a SIGKILL.
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
