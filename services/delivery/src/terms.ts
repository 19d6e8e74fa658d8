/** A lane's limits as terms of its sessions. */
import type { LaneLimits } from '@millrace/core';
import type { SessionTerms } from './connector.ts';

export const openTerms = ({ tls, pipelining, timeouts }: LaneLimits): SessionTerms => ({
  tls,
  verify: false,
  pipelining,
  timeouts: {
    connectMs: timeouts.connectMs,
    greetingMs: timeouts.greetingMs,
    ehloMs: timeouts.ehloMs,
    tlsMs: timeouts.ehloMs,
    mailMs: timeouts.mailMs,
    rcptMs: timeouts.rcptMs,
    dataMs: timeouts.dataMs,
    blockMs: timeouts.bodyMs,
    bodyMs: timeouts.dotMs,
  },
});
