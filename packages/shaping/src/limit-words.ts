/** Limits as a shaping file writes them. */
import type { LimitName, Limits } from '@millrace/core';

/** The key of each limit, in the order in which they are shown. */
export const limitKeys = {
  connections: 'connection_limit',
  connectionsPerSecond: 'max_connection_rate',
  messagesPerSecond: 'max_message_rate',
  burst: 'burst',
  deliveriesPerConnection: 'max_deliveries_per_connection',
  idleMs: 'idle_timeout',
  tls: 'tls',
  mtaSts: 'mta_sts',
  pipelining: 'pipelining',
  'timeouts.connectMs': 'timeouts.connect',
  'timeouts.greetingMs': 'timeouts.greeting',
  'timeouts.ehloMs': 'timeouts.ehlo',
  'timeouts.mailMs': 'timeouts.mail',
  'timeouts.rcptMs': 'timeouts.rcpt',
  'timeouts.dataMs': 'timeouts.data',
  'timeouts.bodyMs': 'timeouts.body',
  'timeouts.dotMs': 'timeouts.dot',
  retryScheduleMs: 'retry_schedule',
  failuresBeforeHold: 'failures_before_hold',
  adaptive: 'adaptive',
} as const satisfies Readonly<Record<LimitName, string>>;

const day = 86_400_000;

/** `90s`, `5m`: the largest unit that gives a whole number. */
export const durationText = (ms: number): string => {
  const units: readonly (readonly [string, number])[] = [
    ['d', day],
    ['h', 3_600_000],
    ['m', 60_000],
    ['s', 1_000],
  ];
  const unit = units.find(([, length]) => ms >= length && ms % length === 0);
  return unit === undefined ? `${ms}ms` : `${ms / unit[1]}${unit[0]}`;
};

/** `100/s`, `10/min`: the shortest time in which at least one comes, and if possible a whole number. */
export const rateText = (perSecond: number): string => {
  const units: readonly (readonly [string, number])[] = [
    ['s', 1],
    ['min', 60],
    ['h', 3_600],
    ['d', 86_400],
  ];
  const amounts = units.map(([unit, seconds]) => ({ unit, amount: rounded(perSecond * seconds) }));
  const whole = amounts.find(({ amount }) => amount >= 1 && Number.isInteger(amount));
  const { unit, amount } = whole ??
    amounts.find((one) => one.amount >= 1) ?? { unit: 'd', amount: rounded(perSecond * 86_400) };
  return `${amount}/${unit}`;
};

/** Thirds and sevenths are not whole by a rounding error only. */
const rounded = (value: number): number => Math.round(value * 1e6) / 1e6;

/** A limit's value as the file would say it. */
export const limitText = (limits: Limits, name: LimitName): string => {
  switch (name) {
    case 'connectionsPerSecond':
    case 'messagesPerSecond': {
      const perSecond = limits[name];
      return perSecond === null ? 'unlimited' : rateText(perSecond);
    }
    case 'burst':
      return limits.burst === null ? "a tenth of a second's worth" : String(limits.burst);
    case 'retryScheduleMs':
      return limits.retryScheduleMs === null
        ? "the stream's own"
        : limits.retryScheduleMs.map(durationText).join(', ');
    case 'idleMs':
      return durationText(limits.idleMs);
    case 'timeouts.connectMs':
      return durationText(limits.timeouts.connectMs);
    case 'timeouts.greetingMs':
      return durationText(limits.timeouts.greetingMs);
    case 'timeouts.ehloMs':
      return durationText(limits.timeouts.ehloMs);
    case 'timeouts.mailMs':
      return durationText(limits.timeouts.mailMs);
    case 'timeouts.rcptMs':
      return durationText(limits.timeouts.rcptMs);
    case 'timeouts.dataMs':
      return durationText(limits.timeouts.dataMs);
    case 'timeouts.bodyMs':
      return durationText(limits.timeouts.bodyMs);
    case 'timeouts.dotMs':
      return durationText(limits.timeouts.dotMs);
    case 'connections':
    case 'deliveriesPerConnection':
    case 'tls':
    case 'mtaSts':
    case 'pipelining':
    case 'failuresBeforeHold':
    case 'adaptive':
      return String(limits[name]);
    default:
      return name satisfies never;
  }
};
