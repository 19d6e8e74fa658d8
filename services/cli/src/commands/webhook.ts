/** `millrace webhook list`, `log`, `replay`, `test`: through Kafka, as the service itself works. */
import {
  deadLetterTopic,
  newMessageId,
  shownUrl,
  topics,
  type WebhookEndpoint,
  webhookEndpoints,
  webhookTopics,
  webhookTypeOf,
} from '@millrace/core';
import type { Kafka, Producer, Tail } from '@millrace/kafka';
import type { MessageEvent, WebhookAttempt } from '@millrace/schemas';
import { didYouMean } from '@millrace/service';
import { CliError, usageError } from '../cli-error.ts';
import type { CommandContext } from '../context.ts';
import { formatMs, timeOfDay } from '../duration.ts';
import type { Ending } from '../exit-codes.ts';
import { momentFlag, numberFlag, timeFlag } from '../flags.ts';
import { withRecords } from '../kafka-session.ts';
import { tooLateFor, within } from '../patience.ts';
import { printable } from '../printable.ts';
import { grouped, tableOf } from '../terminal.ts';

export interface LogFlags {
  readonly since: string;
  readonly failed?: boolean;
  readonly message?: string;
  readonly limit: string;
  readonly timeout: string;
}

export interface ReplayFlags {
  readonly since: string;
  readonly until?: string;
  readonly message?: string;
  readonly dead?: boolean;
  readonly timeout: string;
}

export interface TestFlags {
  readonly timeout: string;
}

/** Header by which the service posts an event although it may have been posted. */
const replayHeader = { 'millrace-webhook-replay': '1' };
const lastWithinMs = 3_600_000;
const patienceMs = 60_000;

/** The endpoint of that name. Throws CliError. */
function endpointNamed(context: CommandContext, id: string): WebhookEndpoint {
  const endpoints = webhookEndpoints(context.installation().config.tenants);
  const found = endpoints.find((one) => one.id === id);
  if (found !== undefined) return found;
  const ids = endpoints.map((one) => one.id);
  throw usageError(
    `There is no endpoint "${id}".${didYouMean(id, ids)}`,
    ids.length === 0
      ? 'The configuration has none: add one under tenants.NAME.webhooks.'
      : `There are ${ids.join(', ')}.`,
  );
}

/** Reads to the end of a topic. */
async function readAll(context: CommandContext, tail: Tail, timeoutMs: number): Promise<void> {
  try {
    await within(tail.caughtUp(), timeoutMs, context.signal, () =>
      tooLateFor('Not everything could be read', formatMs(timeoutMs), 'A later --since reads less.'),
    );
  } finally {
    await tail.stop();
  }
}

async function attempts(
  context: CommandContext,
  kafka: Kafka,
  from: number,
  timeoutMs: number,
  wanted: (attempt: WebhookAttempt) => void,
): Promise<void> {
  const tail = await kafka.tail({
    topic: webhookTopics.log,
    record: 'WebhookAttempt',
    from,
    onRecord: ({ value }) => wanted(value),
  });
  await readAll(context, tail, timeoutMs);
}

export async function listWebhooks(context: CommandContext): Promise<Ending> {
  const endpoints = webhookEndpoints(context.installation().config.tenants);
  const facts =
    endpoints.length === 0 ? undefined : await withRecords(context, (kafka) => readFacts(context, kafka));
  const found = endpoints.map((endpoint) => ({
    endpoint: endpoint.id,
    url: shownUrl(endpoint.url),
    enabled: endpoint.enabled,
    types: [...endpoint.types].filter((type) => type !== 'webhook.test'),
    queued: facts?.queued.get(endpoint.topic) ?? 0,
    waiting: facts?.waiting.get(endpoint.id) ?? 0,
    last: facts?.last.get(endpoint.id) ?? null,
  }));
  const { terminal } = context;
  if (context.json) terminal.line(JSON.stringify(found));
  else if (found.length === 0) terminal.line('There is no endpoint: add one under tenants.NAME.webhooks.');
  else {
    const rows = found.map((one) => [
      one.endpoint,
      printable(one.url),
      one.enabled ? grouped(one.queued) : 'off',
      grouped(one.waiting),
      one.last === null ? '' : printable(`${timeOfDay(one.last.time)} ${saidOf(one.last)}`),
    ]);
    terminal.line(tableOf(terminal, ['ENDPOINT', 'URL', 'QUEUED', 'WAITING', 'LAST'], rows, [2, 3]));
  }
  return 'ok';
}

async function readFacts(context: CommandContext, kafka: Kafka) {
  const waiting = new Map<string, number>();
  const keys = new Map<string, string>();
  const last = new Map<string, WebhookAttempt>();
  const table = await kafka.followedTable({
    topic: webhookTopics.state,
    record: 'WebhookState',
    onChange: (key, value) => {
      if (value === null) keys.delete(key);
      else if (value.message_id !== '') keys.set(key, value.endpoint);
    },
  });
  const [lags] = await Promise.all([
    kafka.lag({ groups: ['webhooks'] }),
    readAll(context, table, patienceMs),
    attempts(context, kafka, context.now() - lastWithinMs, patienceMs, (one) => {
      if ((last.get(one.endpoint)?.time ?? 0) <= one.time) last.set(one.endpoint, one);
    }),
  ]);
  for (const endpoint of keys.values()) waiting.set(endpoint, (waiting.get(endpoint) ?? 0) + 1);
  return { waiting, last, queued: new Map(lags.map(({ topic, lag }) => [topic, lag])) };
}

const saidOf = ({ outcome, status, error }: WebhookAttempt): string =>
  [outcome, status === null ? '' : String(status), error ?? ''].filter((part) => part !== '').join(' ');

export async function webhookLog(
  context: CommandContext,
  endpoint: string | undefined,
  flags: LogFlags,
): Promise<Ending> {
  const id = endpoint === undefined ? undefined : endpointNamed(context, endpoint).id;
  const since = momentFlag('--since', flags.since, context.now());
  const limit = numberFlag('--limit', flags.limit, 1);
  const message = flags.message?.toLowerCase();
  let found: WebhookAttempt[] = [];
  const trim = (): void => {
    found = found.sort((a, b) => a.time - b.time).slice(-limit);
  };
  await withRecords(context, (kafka) =>
    attempts(context, kafka, since, timeFlag('--timeout', flags.timeout), (one) => {
      if (id !== undefined && one.endpoint !== id) return;
      if (flags.failed === true && one.outcome === 'delivered') return;
      if (message !== undefined && !one.message_ids.includes(message)) return;
      found.push(one);
      if (found.length > 2 * limit) trim();
    }),
  );
  trim();
  const { terminal } = context;
  if (context.json) for (const one of found) terminal.line(JSON.stringify(one));
  else if (found.length === 0) terminal.line('Nothing was posted in that time.');
  else {
    const rows = found.map((one) => [
      timeOfDay(one.time),
      one.endpoint,
      grouped(one.event_ids.length),
      formatMs(one.duration_ms),
      String(one.attempt),
      printable(saidOf(one)),
    ]);
    terminal.line(tableOf(terminal, ['TIME', 'ENDPOINT', 'EVENTS', 'TOOK', 'TRY', 'SAID'], rows, [2, 3, 4]));
  }
  return 'ok';
}

/** Into the endpoint's queue, in the order in which they were read. */
const queue = (producer: Producer, endpoint: WebhookEndpoint, value: MessageEvent): Promise<void> =>
  producer.send('MessageEvent', endpoint.topic, { key: value.message_id, value, headers: replayHeader });

export async function replayWebhooks(
  context: CommandContext,
  id: string,
  flags: ReplayFlags,
): Promise<Ending> {
  const endpoint = endpointNamed(context, id);
  const now = context.now();
  const from = momentFlag('--since', flags.since, now);
  const to = flags.until === undefined ? now : momentFlag('--until', flags.until, now);
  const timeoutMs = timeFlag('--timeout', flags.timeout);
  const message = flags.message?.toLowerCase();
  let count = 0;
  await withRecords(context, async (kafka) => {
    await kafka.registerSchemas();
    const producer = await kafka.producer();
    const tail = await kafka.tail({
      topic: flags.dead === true ? deadLetterTopic(endpoint.topic) : topics.events,
      record: 'MessageEvent',
      from,
      ...(message === undefined ? {} : { key: message }),
      onRecord: async ({ value, timestamp }) => {
        const type = webhookTypeOf(value.kind);
        const at = flags.dead === true ? timestamp : value.time;
        if (value.tenant !== endpoint.tenant || type === undefined || !endpoint.types.has(type)) return;
        if (at < from || at > to) return;
        await queue(producer, endpoint, value);
        count += 1;
      },
    });
    await readAll(context, tail, timeoutMs);
    await producer.flush();
  });
  if (context.json) context.terminal.line(JSON.stringify({ endpoint: id, events: count }));
  else context.terminal.line(`${grouped(count)} events are posted to ${id} once more`);
  return 'ok';
}

export async function testWebhook(context: CommandContext, id: string, flags: TestFlags): Promise<Ending> {
  const endpoint = endpointNamed(context, id);
  if (!endpoint.enabled) throw usageError(`${id} is not enabled.`);
  const timeoutMs = timeFlag('--timeout', flags.timeout);
  const attempt = await withRecords(context, async (kafka) => {
    await kafka.registerSchemas();
    const event = testEvent(endpoint, context.now());
    const answered = Promise.withResolvers<WebhookAttempt>();
    const tail = await kafka.tail({
      topic: webhookTopics.log,
      record: 'WebhookAttempt',
      from: context.now() - 1_000,
      key: endpoint.id,
      onRecord: ({ value }) => {
        if (value.event_ids.includes(event.event_id)) answered.resolve(value);
      },
    });
    try {
      await queue(await kafka.producer(), endpoint, event);
      return await within(answered.promise, timeoutMs, context.signal, () =>
        tooLateFor(
          'Nothing was posted',
          formatMs(timeoutMs),
          'Does the service webhooks run, and has it been started since the endpoint was added?',
        ),
      );
    } finally {
      await tail.stop();
    }
  });
  const text = `${saidOf(attempt)} in ${formatMs(attempt.duration_ms)}`;
  if (attempt.outcome !== 'delivered')
    throw new CliError('failed', 'ERR_WEBHOOK_TEST', `${id}: ${printable(text)}`, {
      hint: 'It is tried again; millrace webhook log shows every try.',
    });
  if (context.json) context.terminal.line(JSON.stringify(attempt));
  else context.terminal.line(printable(`${id}: ${text}`));
  return 'ok';
}

const testEvent = ({ tenant }: WebhookEndpoint, now: number): MessageEvent => {
  const id = newMessageId(now);
  return {
    ...{ event_id: `${id}:test`, kind: 'test', time: now, message_id: id, request_id: 'test', tenant },
    ...{
      stream: null,
      category: null,
      campaign: null,
      recipient: 'test@example.com',
      domain: null,
      isp: null,
    },
    ...{ site: null, pool: null, source: null, mx: null, remote_address: null, attempt: 0, reply_code: null },
    ...{ enhanced_code: null, text: null, phase: null, bounce_category: null, latency_ms: null },
    ...{ attempt_ms: null, size_bytes: null, tls: null, next_attempt_at: null, tags: [], metadata: {} },
    ...{ trace_id: null, sender_domain: null },
  };
};
