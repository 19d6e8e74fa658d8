/** `millrace suppression ...`: who must not be sent to, through ingest. */
import { createReadStream, createWriteStream } from 'node:fs';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { Readable, Writable } from 'node:stream';
import { CliError } from '../cli-error.ts';
import type { CommandContext } from '../context.ts';
import { dateAndTime } from '../duration.ts';
import type { Ending } from '../exit-codes.ts';
import { numberFlag } from '../flags.ts';
import { callIngest, streamIngest } from '../ingest-client.ts';
import { printable } from '../printable.ts';
import { grouped, tableOf } from '../terminal.ts';
import { endOf } from './controls.ts';

export interface ListFlags {
  readonly reason?: string;
  readonly list?: string;
  readonly search?: string;
  readonly limit?: string;
}

export interface RemoveFlags {
  readonly note?: string;
  readonly author?: string;
  readonly list?: string;
}

export interface AddSuppressionFlags extends RemoveFlags {
  readonly reason: string;
  readonly stream?: string;
  readonly for?: string;
  readonly until?: string;
}

const root = '/v1/suppressions';
const pathOf = (address: string): string => `${root}/${encodeURIComponent(address)}`;

/** `?name=value&...` of what is there. */
const queryOf = (parameters: Readonly<Record<string, string | undefined>>): string => {
  const given = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) if (value !== undefined) given.set(name, value);
  return given.size === 0 ? '' : `?${given}`;
};

/** Lines of an NDJSON answer, as they come. */
async function* linesOf(context: CommandContext, path: string): AsyncGenerator<string> {
  const { signal } = context;
  const stream = await streamIngest(context.installation(), { method: 'GET', path, signal });
  for await (const line of createInterface({ input: Readable.from(stream), crlfDelay: Infinity }))
    if (line !== '') yield line;
}

const text = (value: unknown, name: string): string => {
  const found: unknown = typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
  return found === null || found === undefined ? '' : String(found);
};
const moment = (value: unknown, name: string, otherwise: string): string => {
  const found = text(value, name);
  return found === '' ? otherwise : dateAndTime(Date.parse(found));
};

/** Shows lines as a table with `columns`, or with --json as they are. */
const showLines = async (
  context: CommandContext,
  path: string,
  head: readonly string[],
  cells: (row: unknown) => readonly string[],
  none: string,
): Promise<void> => {
  const rows: (readonly string[])[] = [];
  for await (const line of linesOf(context, path)) {
    if (context.json) context.terminal.line(line);
    else rows.push(cells(JSON.parse(line)).map(printable));
  }
  if (context.json) return;
  context.terminal.line(rows.length === 0 ? none : tableOf(context.terminal, head, rows));
};

/** `list` and `search`. */
export async function listSuppressions(context: CommandContext, flags: ListFlags): Promise<Ending> {
  const { reason, list, search } = flags;
  const limit = String(numberFlag('--limit', flags.limit ?? '100', 1));
  await showLines(
    context,
    root + queryOf({ search, reason, list, limit }),
    ['ADDRESS', 'REASON', 'LIST', 'STREAMS', 'SINCE', 'UNTIL', 'BY', 'NOTE'],
    (row) => [
      text(row, 'address'),
      text(row, 'reason'),
      text(row, 'list'),
      text(row, 'streams').replace(',', ' ') || 'all',
      moment(row, 'created_at', ''),
      moment(row, 'expires_at', 'removed'),
      text(row, 'author'),
      text(row, 'note'),
    ],
    'Nothing is suppressed.',
  );
  return 'ok';
}

export async function addSuppression(
  context: CommandContext,
  address: string,
  flags: AddSuppressionFlags,
): Promise<Ending> {
  const end = endOf(flags, context.now());
  const { reason, note, author, list, stream } = flags;
  const { body } = await callIngest(context.installation(), {
    method: 'PUT',
    path: pathOf(address),
    body: {
      reason,
      ...(note === undefined ? {} : { note }),
      ...(author === undefined ? {} : { author }),
      ...(list === undefined ? {} : { list }),
      ...(stream === undefined ? {} : { streams: [stream] }),
      ...(end === undefined ? {} : { expires_at: end }),
    },
    signal: context.signal,
  });
  if (context.json) context.terminal.line(JSON.stringify(body));
  else {
    const until = end === undefined ? 'until it is removed' : `until ${dateAndTime(Date.parse(end))}`;
    context.terminal.line(printable(`${text(body, 'address')} is suppressed (${reason}) ${until}.`));
  }
  return 'ok';
}

export async function removeSuppression(
  context: CommandContext,
  address: string,
  flags: RemoveFlags,
): Promise<Ending> {
  const { note, author, list } = flags;
  const path = pathOf(address) + queryOf({ note, author, list });
  await callIngest(context.installation(), { method: 'DELETE', path, signal: context.signal });
  if (context.json) context.terminal.line(JSON.stringify({ removed: address }));
  else context.terminal.line(printable(`${address} may be sent to again.`));
  return 'ok';
}

export async function auditSuppression(context: CommandContext, address: string): Promise<Ending> {
  await showLines(
    context,
    `${pathOf(address)}/changes`,
    ['TIME', 'CHANGE', 'REASON', 'LIST', 'UNTIL', 'BY', 'NOTE', 'MESSAGE'],
    (row) => [
      moment(row, 'time', ''),
      text(row, 'change'),
      text(row, 'reason'),
      text(row, 'list'),
      moment(row, 'expires_at', ''),
      text(row, 'author'),
      text(row, 'note'),
      text(row, 'message_id'),
    ],
    `Nothing has changed for ${address}.`,
  );
  return 'ok';
}

/** Sends the file as it is read. Ends with `failed` where a row was wrong. */
export async function importSuppressions(context: CommandContext, file: string): Promise<Ending> {
  const input = file === '-' ? context.stdin : createReadStream(resolve(context.cwd, file));
  const answer = await streamIngest(context.installation(), {
    method: 'POST',
    path: `${root}.csv`,
    content: { type: 'text/csv', stream: bytesOf(input, file) },
    signal: context.signal,
  });
  const body: unknown = await new Response(answer).json();
  if (context.json) context.terminal.line(JSON.stringify(body));
  else {
    const errors: unknown = typeof body === 'object' && body !== null ? Reflect.get(body, 'errors') : [];
    for (const error of Array.isArray(errors) ? errors : [])
      context.terminal.problem(printable(`line ${text(error, 'line')}: ${text(error, 'message')}`));
    const [added, refused] = [text(body, 'added'), text(body, 'refused')].map((count) =>
      grouped(Number(count)),
    );
    context.terminal.line(`${added} suppressed, ${refused} refused.`);
  }
  return text(body, 'refused') === '0' ? 'ok' : 'failed';
}

/** The stream, whose failure names the file. */
const bytesOf = (input: NodeJS.ReadableStream, file: string): ReadableStream<Uint8Array> => {
  const chunks = async function* (): AsyncGenerator<Uint8Array> {
    try {
      for await (const chunk of input) yield typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new CliError('usage', 'ERR_FILE', `${file} cannot be read: ${reason}.`, { cause });
    }
  };
  return ReadableStream.from(chunks());
};

export async function exportSuppressions(
  context: CommandContext,
  file: string | undefined,
  flags: ListFlags,
): Promise<Ending> {
  const { reason, list } = flags;
  const csv = await streamIngest(context.installation(), {
    method: 'GET',
    path: `${root}.csv${queryOf({ reason, list })}`,
    signal: context.signal,
  });
  if (file === undefined || file === '-') {
    for await (const line of createInterface({ input: Readable.from(csv), crlfDelay: Infinity }))
      context.terminal.line(line);
    return 'ok';
  }
  try {
    await csv.pipeTo(Writable.toWeb(createWriteStream(resolve(context.cwd, file))));
  } catch (cause) {
    if (context.signal.aborted) throw cause;
    const reasonText = cause instanceof Error ? cause.message : String(cause);
    throw new CliError('failed', 'ERR_FILE', `${file} was not written to its end: ${reasonText}.`, { cause });
  }
  return 'ok';
}
