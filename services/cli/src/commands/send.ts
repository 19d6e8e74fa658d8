/** `millrace send`: one content to one or many recipients, by ingest's HTTP API. */
import type { MessageEvent } from '@millrace/schemas';
import { CliError } from '../cli-error.ts';
import type { CommandContext } from '../context.ts';
import { formatMs } from '../duration.ts';
import type { Ending } from '../exit-codes.ts';
import { readNamed } from '../files.ts';
import { timeFlag } from '../flags.ts';
import { callIngest } from '../ingest-client.ts';
import { withRecords } from '../kafka-session.ts';
import { type Life, lifeOf, noteOf, paintedKind, summaryOf } from '../life.ts';
import { followEvents, isFinal } from '../message-events.ts';
import { type SendFlags, sendBodyOf } from '../send-body.ts';
import { tableOf } from '../terminal.ts';

export interface SendCommandFlags extends SendFlags {
  readonly idempotencyKey?: string;
  /** A time limit, or true for the default one. */
  readonly wait?: string | true;
}

interface Submitted {
  readonly request_id: string;
  readonly messages: readonly { readonly message_id: string; readonly to: string }[];
}

const defaultWait = '60s';
/** Clocks of the machines that write events may differ by this much. */
const clockMarginMs = 60_000;

/** Throws CliError. With --wait: failed when a message ends otherwise than delivered, timed_out when one does not end. */
export async function send(context: CommandContext, flags: SendCommandFlags): Promise<Ending> {
  const waitMs =
    flags.wait === undefined ? undefined : timeFlag('--wait', flags.wait === true ? defaultWait : flags.wait);
  const body = await sendBodyOf(flags, { read: (name) => readNamed(name, context), now: context.now() });
  const from = context.now() - clockMarginMs;
  const answer = await callIngest(context.installation(), {
    method: 'POST',
    path: '/v1/messages',
    body,
    ...(flags.idempotencyKey === undefined ? {} : { headers: { 'idempotency-key': flags.idempotencyKey } }),
    signal: context.signal,
  });
  const submitted = submittedOf(answer.body, context.installation().ingestUrl);
  const replayed = answer.headers.get('idempotency-status') === 'replayed';
  if (waitMs === undefined) {
    showAccepted(context, submitted, replayed);
    return 'ok';
  }
  if (!context.json) showAccepted(context, submitted, replayed);
  return awaitOutcomes(context, submitted, { from, waitMs });
}

function showAccepted({ terminal, json }: CommandContext, submitted: Submitted, replayed: boolean): void {
  if (json) {
    terminal.line(JSON.stringify(submitted));
    return;
  }
  const rows = submitted.messages.map(({ message_id, to }) => [message_id, to]);
  terminal.line(replayed ? 'Accepted before, under the same idempotency key:' : 'Accepted:');
  terminal.line(tableOf(terminal, ['MESSAGE', 'TO'], rows));
}

/** Shows how each message ended, as it does. */
async function awaitOutcomes(
  context: CommandContext,
  submitted: Submitted,
  limits: { readonly from: number; readonly waitMs: number },
): Promise<Ending> {
  const pending = new Set(submitted.messages.map(({ message_id }) => message_id));
  const lives = new Map<string, Map<string, MessageEvent>>([...pending].map((id) => [id, new Map()]));
  const [only] = submitted.messages;
  await withRecords(context, (kafka) =>
    followEvents(kafka, {
      from: limits.from,
      timeoutMs: limits.waitMs,
      signal: context.signal,
      ...(submitted.messages.length === 1 && only ? { key: only.message_id } : {}),
      onEvent: (event) => {
        const life = lives.get(event.message_id);
        if (life === undefined || life.has(event.event_id)) return false;
        life.set(event.event_id, event);
        if (isFinal(event)) pending.delete(event.message_id);
        return pending.size === 0;
      },
    }),
  );
  const ended = submitted.messages.map(({ message_id, to }) => ({
    ...lifeOf([...(lives.get(message_id)?.values() ?? [])].sort((a, b) => a.time - b.time)),
    message_id,
    recipient: to,
  }));
  if (context.json) context.terminal.line(JSON.stringify({ ...submitted, messages: ended }));
  else showOutcomes(context, ended);
  if (pending.size > 0) {
    throw new CliError(
      'timed_out',
      'ERR_TIMED_OUT',
      `${pending.size} of ${submitted.messages.length} messages did not end within ${formatMs(limits.waitMs)}.`,
      { hint: 'millrace trace MESSAGE_ID shows where one is.' },
    );
  }
  return ended.every(({ outcome }) => outcome === 'delivered') ? 'ok' : 'failed';
}

function showOutcomes({ terminal }: CommandContext, ended: readonly Life[]): void {
  const rows = ended.map((life) => {
    const last = life.events.at(-1);
    return [
      life.recipient,
      life.outcome === null ? 'on its way' : paintedKind(terminal, life.outcome),
      life.latency_ms === null ? '' : formatMs(life.latency_ms),
      last === undefined ? '' : noteOf(last),
    ];
  });
  const [only] = ended;
  terminal.line();
  terminal.line(
    ended.length === 1 && only
      ? [summaryOf(terminal, only), rows[0]?.[3]].filter(Boolean).join(': ')
      : tableOf(terminal, ['TO', 'OUTCOME', 'AFTER', 'WHAT'], rows, [2]),
  );
}

/** Parses the answer of POST /v1/messages. */
function submittedOf(body: unknown, url: string): Submitted {
  if (isSubmitted(body)) return body;
  throw new CliError(
    'failed',
    'ERR_NOT_INGEST',
    `${url} accepted the message, and answers not as ingest does.`,
    {
      hint: 'Check --url or MILLRACE_URL.',
    },
  );
}

const isSubmitted = (body: unknown): body is Submitted =>
  typeof body === 'object' &&
  body !== null &&
  'request_id' in body &&
  typeof body.request_id === 'string' &&
  'messages' in body &&
  Array.isArray(body.messages) &&
  body.messages.every(
    (message: unknown) =>
      typeof message === 'object' &&
      message !== null &&
      'message_id' in message &&
      typeof message.message_id === 'string' &&
      'to' in message &&
      typeof message.to === 'string',
  );
