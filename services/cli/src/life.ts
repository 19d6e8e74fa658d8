/** A message's life as people read it. */
import type { MessageEvent } from '@millrace/schemas';
import { dateAndTime, formatMs, timeOfDay } from './duration.ts';
import { isFinal } from './message-events.ts';
import { printable } from './printable.ts';
import { type Colour, type Terminal, tableOf } from './terminal.ts';

/** What became of a message so far. */
export interface Life {
  readonly message_id: string;
  readonly recipient: string;
  readonly tenant: string;
  readonly stream: string | null;
  readonly category: string | null;
  readonly campaign: string | null;
  /** Kind of the last event that ends a message; null: it is still on its way. */
  readonly outcome: string | null;
  /** SMTP attempts made. */
  readonly attempts: number;
  /** From acceptance to the outcome, ms. */
  readonly latency_ms: number | null;
  /** When it is tried next, ms since the epoch. */
  readonly next_attempt_at: number | null;
  readonly trace_id: string | null;
  readonly events: readonly MessageEvent[];
}

/** Events by time, at least one. */
export function lifeOf(events: readonly MessageEvent[]): Life {
  const newest = <K extends keyof MessageEvent>(name: K): MessageEvent[K] | null =>
    events.findLast((event) => event[name] !== null && event[name] !== '')?.[name] ?? null;
  const end = events.findLast(isFinal);
  const last = events.at(-1);
  const first = events[0];
  return {
    message_id: first?.message_id ?? '',
    recipient: newest('recipient') ?? '',
    tenant: newest('tenant') ?? '',
    stream: newest('stream'),
    category: newest('category'),
    campaign: newest('campaign'),
    outcome: end?.kind ?? null,
    attempts: events.reduce((most, event) => Math.max(most, event.attempt), 0),
    latency_ms: end === undefined ? null : (end.latency_ms ?? (first ? end.time - first.time : null)),
    next_attempt_at: end === undefined ? (last?.next_attempt_at ?? null) : null,
    trace_id: newest('trace_id'),
    events,
  };
}

const colours: Readonly<Record<string, Colour>> = {
  delivered: 'green',
  deferred: 'yellow',
  bounced: 'red',
  expired: 'red',
  rejected: 'red',
  suppressed: 'yellow',
  cancelled: 'yellow',
};

/** The kind in its colour. */
export const paintedKind = (terminal: Pick<Terminal, 'paint'>, kind: string): string => {
  const colour = colours[kind];
  return colour === undefined ? kind : terminal.paint(colour, kind);
};

/** `250 2.0.0 OK`: code, enhanced code where the text does not begin with it, text. */
export function replyOf(event: Pick<MessageEvent, 'reply_code' | 'enhanced_code' | 'text'>): string {
  const text = event.text ?? '';
  const enhanced =
    event.enhanced_code !== null && !text.startsWith(event.enhanced_code) ? event.enhanced_code : '';
  const parts = [event.reply_code === null ? '' : String(event.reply_code), enhanced, text];
  return printable(parts.filter(Boolean).join(' '));
}

/** Where an event happened: `gmail · gmail-smtp-in.l.google.com from s1`. */
export function placeOf(event: Pick<MessageEvent, 'isp' | 'site' | 'mx' | 'source'>): string {
  const where = [event.isp, event.mx ?? event.site].filter(Boolean).join(' · ');
  return printable(event.source === null ? where : `${where} from ${event.source}`);
}

/** What the event says beyond its kind. */
export function noteOf(event: MessageEvent): string {
  const notes = [
    replyOf(event),
    event.bounce_category ?? '',
    event.phase !== null && event.kind !== 'delivered' ? `in ${event.phase}` : '',
    event.next_attempt_at === null ? '' : `next try ${timeOfDay(event.next_attempt_at)}`,
    event.tls === null ? '' : event.tls.protocol,
  ];
  return notes.filter(Boolean).join(' · ');
}

const maxNote = 100;
const cut = (text: string): string => (text.length > maxNote ? `${text.slice(0, maxNote - 1)}…` : text);

/** The head and the table of `millrace trace`. */
export function showLife(terminal: Terminal, life: Life): void {
  const { paint } = terminal;
  const first = life.events[0];
  terminal.line(`${paint('bold', life.message_id)}  to ${printable(life.recipient)}`);
  const facts = [
    `tenant ${life.tenant}`,
    life.stream ?? '',
    life.category ?? '',
    life.campaign === null ? '' : `campaign ${life.campaign}`,
    first === undefined ? '' : `since ${dateAndTime(first.time)}`,
    life.trace_id === null ? '' : `trace ${life.trace_id}`,
  ];
  terminal.line(paint('gray', printable(facts.filter(Boolean).join(' · '))));
  terminal.line();
  const rows = life.events.map((event) => [
    timeOfDay(event.time),
    first === undefined ? '' : `+${formatMs(event.time - first.time)}`,
    paintedKind(terminal, event.kind),
    event.attempt === 0 ? '' : String(event.attempt),
    placeOf(event),
    cut(noteOf(event)),
  ]);
  terminal.line(tableOf(terminal, ['TIME', 'AFTER', 'EVENT', 'TRY', 'WHERE', 'WHAT'], rows, [1, 3]));
  terminal.line();
  terminal.line(summaryOf(terminal, life));
}

/** What became of it, in a line. */
export function summaryOf(terminal: Pick<Terminal, 'paint'>, life: Life): string {
  const tries = life.attempts > 1 ? ` at try ${life.attempts}` : '';
  if (life.outcome !== null) {
    const after = life.latency_ms === null ? '' : ` after ${formatMs(life.latency_ms)}`;
    return `${paintedKind(terminal, life.outcome)}${tries}${after}`;
  }
  return life.next_attempt_at === null
    ? 'still on its way'
    : `still on its way: next try ${dateAndTime(life.next_attempt_at)}`;
}
