/** How many mails there were in a window that slides on in twelve steps, and how many of them were bad. */

const steps = 12;

export interface RateWindow {
  readonly stepMs: number;
  /** Of each step, at its number modulo their count. */
  readonly mailsOf: Uint32Array;
  readonly badOf: Uint32Array;
  /** Number of the newest step since the epoch. */
  step: number;
  /** Of all steps together. */
  mails: number;
  bad: number;
}

/** An empty one. */
export const rateWindow = (windowMs: number): RateWindow => ({
  stepMs: windowMs / steps,
  mailsOf: new Uint32Array(steps),
  badOf: new Uint32Array(steps),
  step: 0,
  mails: 0,
  bad: 0,
});

/** Steps that are over are empty again. `now`: ms since the epoch; a time that is past already changes nothing. */
export const slide = (window: RateWindow, now: number): void => {
  if (now < (window.step + 1) * window.stepMs) return;
  const step = Math.floor(now / window.stepMs);
  for (let passed = Math.max(window.step + 1, step - steps + 1); passed <= step; passed += 1)
    empty(window, passed % steps);
  window.step = step;
};

const empty = (window: RateWindow, slot: number): void => {
  window.mails -= window.mailsOf[slot] ?? 0;
  window.bad -= window.badOf[slot] ?? 0;
  window.mailsOf[slot] = 0;
  window.badOf[slot] = 0;
};

/** Counts what happened at `at`, ms since the epoch; nothing where that is before the window. */
export const countIn = (window: RateWindow, at: number, mail: boolean, bad: boolean): void => {
  const { step, stepMs } = window;
  // A clock that is ahead counts as now.
  const age = at >= step * stepMs ? 0 : step - Math.floor(at / stepMs);
  if (age >= steps) return;
  const slot = (step - age) % steps;
  if (mail) {
    window.mailsOf[slot] = (window.mailsOf[slot] ?? 0) + 1;
    window.mails += 1;
  }
  if (bad) {
    window.badOf[slot] = (window.badOf[slot] ?? 0) + 1;
    window.bad += 1;
  }
};
