/** A rate that went over its threshold, as an event of the message with which it did. */
import { formatScope, type Spike, spikeText } from '@millrace/core';
import type { MessageEvent } from '@millrace/schemas';

/** `acted`: false where the shaper only tells what it would do. */
export const spikeEvent = (spike: Spike, cause: MessageEvent, now: number, acted: boolean): MessageEvent => {
  const scope = formatScope(spike.scope);
  const suspends = spike.control !== null;
  const done = suspends ? `: ${acted ? '' : 'would be '}suspended until it is resumed` : '';
  return {
    ...cause,
    event_id: `${cause.event_id}:spike:${spike.measure}:${spike.level}:${scope}`,
    kind: 'spike',
    time: now,
    latency_ms: null,
    attempt_ms: null,
    size_bytes: null,
    next_attempt_at: null,
    text: `${scope}: ${spikeText(spike)}${done}`,
    metadata: {
      rule: `spike-${spike.measure}`,
      level: spike.level,
      scope,
      count: String(spike.count),
      mails: String(spike.mails),
      until: '',
      acted: String(acted && suspends),
      alert: spike.level === 'pause' ? `too many ${spike.measure}` : `many ${spike.measure}`,
    },
  };
};
