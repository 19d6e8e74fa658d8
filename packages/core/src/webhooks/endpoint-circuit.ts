/** Whether an endpoint is asked at all: one that keeps failing gets a single request now and then until it takes it. */

export interface CircuitPolicy {
  /** Failures in a row that open it. */
  readonly failures: number;
  /** First wait before a probe, ms; it doubles with each that fails. */
  readonly firstWaitMs: number;
  readonly longestWaitMs: number;
}

export const usualCircuit: CircuitPolicy = { failures: 5, firstWaitMs: 5_000, longestWaitMs: 300_000 };

export interface Circuit {
  /** In a row. */
  readonly failures: number;
  /** Nothing is sent before, ms since the epoch; 0: nothing holds it. */
  readonly closedUntil: number;
}

export const freshCircuit: Circuit = { failures: 0, closedUntil: 0 };

/** Whether it only takes probes. */
export const isOpen = (circuit: Circuit, policy: CircuitPolicy): boolean =>
  circuit.failures >= policy.failures;

/** Whether another request may go out. */
export const mayPost = (circuit: Circuit, policy: CircuitPolicy, inFlight: number, now: number): boolean =>
  now >= circuit.closedUntil && (!isOpen(circuit, policy) || inFlight === 0);

export const afterSuccess = (): Circuit => freshCircuit;

/** @param retryAfterMs what the endpoint asked for; null: nothing */
export const afterEndpointFailure = (
  circuit: Circuit,
  policy: CircuitPolicy,
  retryAfterMs: number | null,
  now: number,
): Circuit => {
  const failures = circuit.failures + 1;
  const steps = Math.min(failures - policy.failures, 30);
  const waitMs = steps < 0 ? 0 : Math.min(policy.longestWaitMs, policy.firstWaitMs * 2 ** steps);
  const until = now + Math.max(waitMs, Math.min(retryAfterMs ?? 0, policy.longestWaitMs));
  return { failures, closedUntil: Math.max(circuit.closedUntil, waitMs > 0 || retryAfterMs ? until : 0) };
};

/** `Retry-After` (RFC 9110 10.2.3), ms; null: none, or none that can be read. */
export const retryAfterMs = (value: string | undefined, now: number): number | null => {
  if (value === undefined) return null;
  if (/^\d{1,9}$/.test(value.trim())) return Number(value) * 1_000;
  const at = Date.parse(value);
  return Number.isNaN(at) ? null : Math.max(0, at - now);
};
