/** What one check of `millrace doctor` found. */

export interface Finding {
  /** What was checked: `Kafka`, `DNS` ... */
  readonly check: string;
  readonly status: 'ok' | 'warning' | 'failed' | 'skipped';
  /** In a sentence without a full stop. */
  readonly what: string;
  /** What to do about it. */
  readonly todo?: string;
}

export const ok = (check: string, what: string): Finding => ({ check, status: 'ok', what });
export const warning = (check: string, what: string, todo: string): Finding => ({
  check,
  status: 'warning',
  what,
  todo,
});
export const failed = (check: string, what: string, todo: string): Finding => ({
  check,
  status: 'failed',
  what,
  todo,
});
export const skipped = (check: string, what: string): Finding => ({ check, status: 'skipped', what });
