/**
 * One run for everybody who asks while it has not begun: at most one is under way and one waits for it to end.
 * Every caller's promise settles with a run that began after the call.
 */
export const coalesced = (run: () => Promise<void>): (() => Promise<void>) => {
  let running: Promise<void> | undefined;
  let next: Promise<void> | undefined;
  const start = (): Promise<void> => {
    const current = run().finally(() => {
      running = undefined;
    });
    running = current;
    return current;
  };
  return () => {
    if (running === undefined) return start();
    const startNext = (): Promise<void> => {
      next = undefined;
      return start();
    };
    next ??= running.then(startNext, startNext);
    return next;
  };
};
