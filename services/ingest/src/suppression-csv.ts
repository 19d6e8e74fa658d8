/** Suppressions as CSV (RFC 4180), a row at a time in both directions. */
import { pipeline } from 'node:stream';
import type { Suppression } from '@millrace/schemas';
import { parse } from 'csv-parse';
import { invalidRequest } from './problem.ts';
import type { SuppressionFields } from './suppression-order.ts';

const columns = [
  'address',
  'reason',
  'streams',
  'list',
  'created_at',
  'expires_at',
  'author',
  'note',
  'message_id',
] as const;
type Column = (typeof columns)[number];

/** Longest row, bytes: a note of 1,000 characters and all the rest fit several times. */
const longestRow = 65_536;

export const csvHeading = `${columns.join(',')}\r\n`;

/** A cell that a spreadsheet would take for a formula gets a quote before it, as OWASP has it. */
const quoted = (text: string): string => {
  const inert = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(inert) ? `"${inert.replaceAll('"', '""')}"` : inert;
};

const dateTime = (ms: number | null): string => (ms === null ? '' : new Date(ms).toISOString());

export const csvRow = (suppression: Suppression): string => {
  const cells: Readonly<Record<Column, string>> = {
    address: suppression.address,
    reason: suppression.reason,
    streams: suppression.streams.join(' '),
    list: suppression.list ?? '',
    created_at: dateTime(suppression.created_at),
    expires_at: dateTime(suppression.expires_at),
    author: suppression.author,
    note: suppression.note ?? '',
    message_id: suppression.message_id ?? '',
  };
  return `${columns.map((column) => (column === 'address' ? cell(cells.address) : quoted(cells[column]))).join(',')}\r\n`;
};

/** An address is never a formula: `@example.com` and `+tag@example.com` must come back as they are. */
const cell = (text: string): string => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);

/** One row that was read. */
export interface CsvRow {
  /** From 1. */
  readonly line: number;
  readonly fields: SuppressionFields;
}

/**
 * Rows of a CSV file, as they come. The first line names the columns, in any order; only `address` must be among them. A file
 * of addresses alone needs no such line. Throws ProblemError for a heading or a row that cannot be read.
 */
export async function* csvRows(input: NodeJS.ReadableStream): AsyncGenerator<CsvRow> {
  const parser = parse({
    ...{ bom: true, info: true, trim: true, skip_empty_lines: true, relax_column_count: true },
    max_record_size: longestRow,
  });
  // What goes wrong on either side comes out of the parser.
  pipeline(input, parser, () => undefined);
  let places: ReadonlyMap<Column, number> | undefined;
  try {
    for await (const parsed of parser) {
      const { record, line } = rowOf(parsed);
      if (places === undefined) {
        const heading = headingOf(record);
        places = heading ?? new Map([['address', 0]]);
        if (heading !== undefined) continue;
      }
      yield { line, fields: fieldsOf(record, places) };
    }
  } catch (error) {
    if (error instanceof Error && 'code' in error && String(error.code).startsWith('CSV_'))
      throw invalidRequest([{ field: 'body', message: error.message }]);
    throw error;
  }
}

const rowOf = (parsed: unknown): { readonly record: readonly string[]; readonly line: number } => {
  const { record, info } = parsed as { record: readonly string[]; info: { lines: number } };
  return { record, line: info.lines };
};

/** Places of the columns; undefined for a line that is no heading. */
const headingOf = (record: readonly string[]): ReadonlyMap<Column, number> | undefined => {
  const names = record.map((name) => name.toLowerCase().replaceAll(/[ -]/g, '_'));
  const places = new Map<Column, number>();
  names.forEach((name, place) => {
    const column = columns.find((known) => known === (name === 'email' ? 'address' : name));
    if (column !== undefined) places.set(column, place);
  });
  if (places.has('address')) return places;
  if (record.some((text) => text.includes('@'))) return undefined;
  throw invalidRequest([
    { field: 'body', message: `the first line names no column "address": ${record.join(',').slice(0, 200)}` },
  ]);
};

const fieldsOf = (record: readonly string[], places: ReadonlyMap<Column, number>): SuppressionFields => {
  const at = (column: Column): string | undefined => {
    const place = places.get(column);
    return (place === undefined ? undefined : record[place]) || undefined;
  };
  return {
    address: at('address') ?? '',
    reason: at('reason'),
    streams: at('streams')?.split(/[ ;|]+/),
    list: at('list'),
    expires_at: at('expires_at'),
    note: at('note'),
    author: at('author'),
  };
};
