/** `millrace why`: what a message or a lane waits for, since when, by which limit, and what could be done. */
import {
  type ControlFacts,
  isMessageId,
  isps,
  type LaneOf,
  type MessageId,
  ownDomainOf,
} from '@millrace/core';
import type { MessageEvent } from '@millrace/schemas';
import { messageLimitsOfMessage } from '@millrace/shaping';
import { CliError, usageError } from '../cli-error.ts';
import type { CommandContext } from '../context.ts';
import { dateAndTime, formatMs } from '../duration.ts';
import type { Ending } from '../exit-codes.ts';
import { timeFlag } from '../flags.ts';
import { withRecords } from '../kafka-session.ts';
import { wayOfNamed } from '../lane-of-domain.ts';
import {
  type LaneState,
  lanesNamed,
  readLevels,
  type Situation,
  situationOf,
  stateOf,
} from '../lane-state.ts';
import { isFinal, readLife, scanStart } from '../message-events.ts';
import { printable } from '../printable.ts';
import { readControls, shapingInForce } from '../shaping-in-force.ts';
import { grouped, type Terminal } from '../terminal.ts';
import { readQueues, type Status } from './status.ts';

export interface WhyFlags {
  readonly lane?: string;
  readonly timeout: string;
}

/** Throws CliError: not_found where there is no event of the message. */
export async function why(context: CommandContext, id: string | undefined, flags: WhyFlags): Promise<Ending> {
  if ((id === undefined) === (flags.lane === undefined))
    throw usageError('Say either a message id or --lane LANE.', 'millrace why --lane batch/gmail/ip1');
  if (flags.lane !== undefined) return whyLane(context, flags.lane);
  const text = id?.toLowerCase() ?? '';
  if (!isMessageId(text))
    throw usageError(`"${text}" is not a message id: a UUIDv7, as millrace send shows it.`);
  return whyMessage(context, text, timeFlag('--timeout', flags.timeout));
}

async function whyLane(context: CommandContext, name: string): Promise<Ending> {
  const lanes = lanesNamed(name);
  const situation = await situationOf(context, lanes);
  const known = await providersOf(context, lanes, situation);
  const states = known.map((lane) => stateOf(situation, lane));
  if (context.json)
    context.terminal.line(JSON.stringify({ redis: situation.redis, lanes: states.map(told) }));
  else {
    showRedis(context.terminal, situation.redis);
    states.forEach((state, index) => {
      if (index > 0) context.terminal.line();
      showLane(context.terminal, state, situation);
    });
  }
  return 'ok';
}

/** A name that the shaping gives lanes of its own is a domain's: its provider, whose limits hold where it has none, DNS knows. */
async function providersOf(
  context: CommandContext,
  lanes: readonly LaneOf[],
  { shaping }: Pick<Situation, 'shaping'>,
): Promise<readonly LaneOf[]> {
  const site = lanes[0]?.site ?? '';
  const ownDomain = ownDomainOf(shaping.shaping, site);
  if (ownDomain === undefined) return lanes;
  const way = await wayOfNamed(context, ownDomain, "What its provider's limits are is not in this.");
  return lanes.map((lane) => ({ ...lane, ...way, ownDomain }));
}

/** Where a message is on its way. */
export type MessageStage =
  | { readonly kind: 'ended'; readonly outcome: string }
  /** Accepted, not yet routed. `requests`: what waits for the router. */
  | { readonly kind: 'router'; readonly requests: number }
  /** In a delay tier. */
  | { readonly kind: 'later'; readonly next_at: number; readonly reason: string }
  | {
      readonly kind: 'suspended';
      readonly control: string;
      readonly author: string;
      readonly reason: string;
      readonly until: number | null;
    }
  | { readonly kind: 'dropped'; readonly control: string; readonly author: string; readonly reason: string }
  /** In its shard. `shard`: messages that wait there with it. */
  | { readonly kind: 'lanes'; readonly shard: number };

async function whyMessage(context: CommandContext, id: MessageId, timeoutMs: number): Promise<Ending> {
  const from = scanStart(id, context.now());
  // One after the other: two readings of offsets at a time get in each other's way in the client.
  const { events, queues } = await withRecords(context, async (kafka) => ({
    events: await readLife(kafka, id, { from, timeoutMs, signal: context.signal }),
    queues: await readQueues(kafka),
  }));
  const last = events.at(-1);
  if (last === undefined) {
    const since = new Date(from).toISOString();
    throw new CliError('not_found', 'ERR_MESSAGE_NOT_FOUND', `There is no event of ${id} since ${since}.`, {
      hint: 'Is it an id of this installation? A message that was just accepted has its first event within a second.',
    });
  }
  const way = wayOf(events);
  const lanes = await lanesOf(context, way);
  const situation = await situationOf(context, lanes);
  const stage = stageOf(events, way, queues, situation);
  const states = stage.kind === 'lanes' ? lanes.map((lane) => stateOf(situation, lane)) : [];
  const since = last.next_attempt_at !== null && stage.kind !== 'later' ? last.next_attempt_at : last.time;
  const rates = stage.kind === 'lanes' ? await ratesOf(context, last, situation) : [];
  if (context.json) {
    const found = { message_id: id, recipient: last.recipient, since, redis: situation.redis };
    context.terminal.line(JSON.stringify({ ...found, stage, rates, lanes: states.map(told) }));
    return 'ok';
  }
  const { terminal } = context;
  terminal.line(`${terminal.paint('bold', id)}  to ${printable(last.recipient)}`);
  terminal.line(printable(sentenceOf(stage, situation.now)));
  if (stage.kind !== 'ended')
    terminal.line(`since ${dateAndTime(since)} (${formatMs(situation.now - since)})`);
  for (const advice of adviceFor(stage)) terminal.line(terminal.paint('gray', printable(advice)));
  for (const { of, value, line, next_at: nextAt } of rates) {
    const next = nextAt === null ? '' : `, the next one may go at ${dateAndTime(nextAt)}`;
    terminal.line(
      printable(`messages of ${of}: ${value} over all lanes${line === null ? '' : ` (line ${line})`}${next}`),
    );
  }
  if (states.length > 0) showRedis(terminal, situation.redis);
  for (const state of states) {
    terminal.line();
    showLane(terminal, state, situation);
  }
  return 'ok';
}

/** The rates of its tenant, campaign and tags that it has to keep to, and when the next token of each comes. */
const ratesOf = async (
  context: CommandContext,
  { tenant, campaign, tags, isp, stream }: MessageEvent,
  { shaping }: Pick<Situation, 'shaping'>,
) => {
  if (stream !== 'realtime' && stream !== 'batch') return [];
  const provider = isps.find((one) => one === isp) ?? 'other';
  const limits = messageLimitsOfMessage(shaping, {
    tenant: tenant ?? '',
    campaign,
    tags,
    isp: provider,
    stream,
  });
  const levels = limits.length === 0 ? undefined : await readLevels(context.installation().config, limits);
  return limits.map(({ of, value, line, bucket }) => ({
    ...{ of, value, line },
    tokens: levels?.get(bucket)?.tokens ?? null,
    next_at: levels?.get(bucket)?.nextAt ?? null,
  }));
};

/** What the events know of where it goes. */
type Way = Pick<
  MessageEvent,
  'tenant' | 'campaign' | 'domain' | 'isp' | 'site' | 'pool' | 'stream' | 'sender_domain'
>;

const wayOf = (events: readonly MessageEvent[]): Way => {
  const newest = <K extends keyof MessageEvent>(name: K) =>
    events.findLast((event) => event[name] !== null && event[name] !== '')?.[name] ?? null;
  return {
    tenant: newest('tenant') ?? '',
    campaign: newest('campaign'),
    domain: newest('domain'),
    isp: newest('isp'),
    site: newest('site'),
    pool: newest('pool'),
    stream: newest('stream'),
    sender_domain: newest('sender_domain'),
  };
};

/** Lanes that it may leave by: one for each source of its pool. */
const lanesOf = async (context: CommandContext, way: Way): Promise<readonly LaneOf[]> => {
  const { stream, site, pool } = way;
  if ((stream !== 'realtime' && stream !== 'batch') || site === null || pool === null) return [];
  const isp = isps.find((one) => one === way.isp) ?? 'other';
  const { sources = [] } = context.installation().config.pools[pool] ?? {};
  const { shaping } = await shapingInForce(context, await readControls(context));
  const ownDomain = way.domain === null ? undefined : ownDomainOf(shaping, way.domain);
  return sources.map(({ source }) => ({ stream, isp, site, source, ownDomain }));
};

const stageOf = (
  events: readonly MessageEvent[],
  way: Way,
  queues: Pick<Status, 'requests' | 'streams'>,
  { controls, now }: Situation,
): MessageStage => {
  const end = events.findLast(isFinal);
  if (end !== undefined) return { kind: 'ended', outcome: end.kind };
  const last = events.at(-1);
  if (last?.next_attempt_at != null && last.next_attempt_at > now)
    return {
      kind: 'later',
      next_at: last.next_attempt_at,
      reason: last.text ?? last.bounce_category ?? last.kind,
    };
  const { stream, site } = way;
  if ((stream !== 'realtime' && stream !== 'batch') || site === null || last?.kind === 'accepted')
    return { kind: 'router', requests: queues.requests };
  const facts: ControlFacts = {
    ...{ stream, site, isp: isps.find((one) => one === way.isp) ?? 'other', tenant: way.tenant },
    ...(way.campaign !== null && { campaign: way.campaign }),
    ...(way.domain !== null && { domain: way.domain }),
    ...(way.pool !== null && { pool: way.pool }),
    ...(way.sender_domain !== null && { senderDomain: way.sender_domain }),
  };
  const drop = controls.dropping(facts, now);
  if (drop !== undefined)
    return { kind: 'dropped', control: drop.key, author: drop.author, reason: drop.reason };
  const blocking = controls.blocking(facts, now);
  if (blocking !== undefined) {
    const { key, author, reason, until } = blocking.control;
    return { kind: 'suspended', control: key, author, reason, until };
  }
  const shard = queues.streams
    .find((one) => one.stream === stream)
    ?.shards.find(({ isp }) => isp === facts.isp);
  return { kind: 'lanes', shard: shard?.waiting ?? 0 };
};

const sentenceOf = (stage: MessageStage, now: number): string => {
  switch (stage.kind) {
    case 'ended':
      return `waits for nothing: it was ${stage.outcome}`;
    case 'router':
      return `waits for the router, before which ${grouped(stage.requests)} requests are, or for its send_at`;
    case 'later':
      return `waits until ${dateAndTime(stage.next_at)} (${formatMs(stage.next_at - now)}): ${stage.reason}`;
    case 'suspended':
      return `is held back ${untilText(stage.until)} by ${stage.control}, set by ${stage.author}: ${stage.reason}`;
    case 'dropped':
      return `will end as cancelled by ${stage.control}, set by ${stage.author}: ${stage.reason}`;
    case 'lanes':
      return `waits in its shard with ${grouped(stage.shard)} messages for one of these lanes`;
    default:
      return stage satisfies never;
  }
};

const untilText = (until: number | null): string =>
  until === null ? 'until that is undone' : `until ${dateAndTime(until)}`;

const undoing = (key: string): string => {
  const bar = key.indexOf('|');
  return `millrace controls undo ${key.slice(0, bar)} '${key.slice(bar + 1)}' lifts it`;
};

const adviceFor = (stage: MessageStage): readonly string[] => {
  switch (stage.kind) {
    case 'suspended':
    case 'dropped':
      return [undoing(stage.control)];
    case 'router':
      return ['millrace status shows what waits for the router'];
    case 'ended':
    case 'later':
    case 'lanes':
      return [];
    default:
      return stage satisfies never;
  }
};

/** What an operator could do for a lane. */
const adviceOf = ({ lane, wait, suspension, limit }: LaneState): readonly string[] => {
  const [stream = '', site = ''] = lane.split('/');
  const change =
    limit?.control != null
      ? `${undoing(limit.origin ?? '')}`
      : `millrace limit ${lane} ${limit?.key ?? 'LIMIT'}=VALUE --reason TEXT raises it at once`;
  switch (wait.kind) {
    case 'suspended':
      return suspension === null ? [] : [undoing(suspension.key)];
    case 'rate':
    case 'connection_rate':
      return [change, `one more source in the pool adds as much: millrace forecast ${stream}/${site} tells`];
    case 'connections':
      return [change, 'a slow server keeps its connections: millrace events --isp shows what it answers'];
    case 'held':
      return ['millrace events --isp shows how its connections failed'];
    case 'nothing':
      return [];
    default:
      return wait satisfies never;
  }
};

const told = (state: LaneState): LaneState & { readonly advice: readonly string[] } => ({
  ...state,
  advice: adviceOf(state),
});

function showRedis(terminal: Terminal, redis: boolean): void {
  if (!redis)
    terminal.line(
      terminal.paint('yellow', 'Redis does not answer: tokens and connections of the lanes are not known.'),
    );
}

function showLane(terminal: Terminal, state: LaneState, { now, shaping }: Situation): void {
  const { lane, wait, limit, tokens } = state;
  terminal.line(printable(`${terminal.paint('bold', lane)}  ${waitText(state, now)}`));
  const rows: [string, string][] = [];
  if (limit !== null) {
    const where =
      limit.control === null
        ? limit.line === null
          ? 'built in'
          : `${shaping.file}:${limit.line} (${limit.origin ?? ''})`
        : `${limit.origin ?? ''} by ${limit.control.author}: ${limit.control.reason}`;
    rows.push(['limit', `${limit.key} ${limit.value}, from ${where}`]);
  }
  if (wait.kind === 'suspended' && state.suspension !== null)
    rows.push(['since', dateAndTime(state.suspension.setAt)]);
  if (tokens !== null)
    rows.push([
      'tokens',
      tokens.level > 0 ? `${tokens.level} now` : `none; the next ${at(tokens.next_at, now)}`,
    ]);
  rows.push(['connections', `${state.connections} of ${state.connection_limit}`]);
  rows.push(['waiting', `${grouped(state.waiting)} messages at ${state.workers} workers`]);
  for (const [name, text] of rows) terminal.line(printable(`  ${name.padEnd(12)}${text}`));
  for (const advice of adviceOf(state)) terminal.line(terminal.paint('gray', printable(`  ${advice}`)));
}

const at = (moment: number, now: number): string => `${dateAndTime(moment)} (in ${formatMs(moment - now)})`;

const waitText = ({ wait, suspension, waiting }: LaneState, now: number): string => {
  switch (wait.kind) {
    case 'suspended':
      return `is suspended ${untilText(wait.until)} by ${suspension?.author ?? '?'}: ${suspension?.reason ?? ''}`;
    case 'rate':
      return `waits for its rate: the next message may go ${at(wait.nextAt, now)}`;
    case 'held':
      return `is held because its connections fail: one tries again ${at(wait.nextAt, now)}`;
    case 'connections':
      return 'has all of its connections open: a message goes as soon as one is done with another';
    case 'connection_rate':
      return `waits to open a connection: it may ${at(wait.nextAt, now)}`;
    case 'nothing':
      return waiting > 0 ? 'sends without waiting' : 'has nothing to wait for';
    default:
      return wait satisfies never;
  }
};
