/** A rule that fired, as an event of the message whose reply, or complaint, caused it. */
import { type Firing, formatScope } from '@millrace/core';
import type { MessageEvent } from '@millrace/schemas';

const spanText = (until: number | null): string =>
  until === null ? 'until it is undone' : `until ${new Date(until).toISOString()}`;

const actionText = ({ rule, until }: Firing): string => {
  const { limit, moveTo } = rule;
  const rate = limit?.messagesPerSecond;
  const parts = [
    ...(rule.suspend ? ['suspended'] : []),
    ...(rate == null
      ? []
      : [rate >= 1 ? `${rate} mails/s` : `${Math.round(rate * 60 * 100) / 100} mails/min`]),
    ...(limit?.connections === undefined ? [] : [`${limit.connections} connections`]),
    ...(limit?.connectionsPerSecond == null ? [] : [`${limit.connectionsPerSecond} new connections/s`]),
    ...(limit?.deliveriesPerConnection === undefined
      ? []
      : [`${limit.deliveriesPerConnection} mails a connection`]),
    ...(moveTo === null ? [] : [`moved to ${moveTo.kind} ${moveTo.name}`]),
  ];
  return parts.length === 0 ? 'alert only' : `${parts.join(', ')} ${spanText(until)}`;
};

/** `acted`: false where the shaper only tells what it would do. `cause`: the event with the reply. */
export const shapedEvent = (
  firing: Firing,
  cause: MessageEvent,
  now: number,
  acted: boolean,
): MessageEvent => {
  const { rule, count } = firing;
  const scope = formatScope(firing.scope);
  const times = count === 1 ? '' : ` (${count} times)`;
  return {
    ...cause,
    event_id: `${cause.event_id}:shaped:${rule.name}`,
    kind: 'shaped',
    time: now,
    latency_ms: null,
    attempt_ms: null,
    size_bytes: null,
    next_attempt_at: null,
    text: `${rule.name}: ${scope} ${acted ? '' : 'would be '}${actionText(firing)}, because of${times}: ${rule.trigger === 'complaint' ? 'complaint: ' : ''}${cause.text ?? ''}`,
    metadata: {
      rule: rule.name,
      scope,
      count: String(count),
      until: firing.until === null ? '' : new Date(firing.until).toISOString(),
      acted: String(acted),
      ...(rule.alert === null ? {} : { alert: rule.alert }),
    },
  };
};
