/** `millrace shaping ...`: the shaping file, and the limits that it and the controls make of a lane. */
import { resolve } from 'node:path';
import {
  ControlTable,
  isStream,
  type LaneOf,
  laneKey,
  ownDomainOf,
  type Stream,
  streams,
} from '@millrace/core';
import { didYouMean } from '@millrace/service';
import {
  type ExplainedLimit,
  type ExplainedMessageLimit,
  explainLane,
  messageLimitsOfLane,
  readShapingFile,
  type ShapingText,
} from '@millrace/shaping';
import { usageError } from '../cli-error.ts';
import type { CommandContext } from '../context.ts';
import { dateAndTime } from '../duration.ts';
import type { Ending } from '../exit-codes.ts';
import { wayOf } from '../lane-of-domain.ts';
import { printable } from '../printable.ts';
import { asked, readControls, shapingInForce } from '../shaping-in-force.ts';
import { tableOf } from '../terminal.ts';

const fileNamed = (context: CommandContext, name: string): Promise<ShapingText> =>
  asked(() => readShapingFile(resolve(context.cwd, name)));

/** Throws CliError with file, line, key and the nearest right word of everything that is wrong. */
export async function checkShaping(context: CommandContext, name: string): Promise<Ending> {
  const { file, shaping } = await fileNamed(context, name);
  const counts = {
    isps: shaping.isps.size,
    sites: shaping.sites.size,
    sources: shaping.sources.size,
  };
  if (context.json) context.terminal.line(JSON.stringify({ file, ok: true, ...counts }));
  else {
    const { isps, sites, sources } = counts;
    context.terminal.line(`${name} is right: ${isps} providers, ${sites} sites, ${sources} sources`);
  }
  return 'ok';
}

export interface ExplainFlags {
  readonly source?: string;
  readonly stream?: string;
  readonly file?: string;
}

/** What holds one of the lanes up. */
interface Suspended {
  readonly by: string;
  readonly reason: string;
  readonly until: number | null;
}

interface ExplainedLane {
  readonly stream: Stream;
  readonly lane: string;
  readonly suspended: Suspended | null;
  readonly limits: readonly ExplainedLimit[];
  /** Rates of tenants, campaigns and tags that hold on it too. */
  readonly message_limits: readonly ExplainedMessageLimit[];
}

/** Every limit of the lanes to a domain (or provider), with the line or the control that it came from. */
export async function explainShaping(
  context: CommandContext,
  name: string,
  flags: ExplainFlags,
): Promise<Ending> {
  const wanted = streamsOf(flags.stream);
  const source = flags.source ?? '';
  // A file that is named is explained as it stands: nothing has to run for that.
  const controls = flags.file === undefined ? await readControls(context) : new ControlTable();
  const text =
    flags.file === undefined ? await shapingInForce(context, controls) : await fileNamed(context, flags.file);
  if (source !== '') checkSource(context, text, source);
  const way = await wayOf(context, name);
  const now = context.now();
  const lanes = wanted.map((stream): ExplainedLane => {
    const lane: LaneOf = { stream, ...way, source, ownDomain: ownDomainOf(text.shaping, name) };
    const blocking = controls.blocking({ ...lane, ...(name.includes('.') && { domain: name }) }, now);
    return {
      stream,
      lane: laneKey({ ...lane, source: source === '' ? '*' : source }),
      suspended:
        blocking === undefined
          ? null
          : { by: blocking.control.author, reason: blocking.control.reason, until: blocking.until },
      limits: explainLane(text, lane, controls.limitChangesOf(lane, now).inForce),
      message_limits: messageLimitsOfLane(text, lane),
    };
  });
  const found = { name, ...way, source: flags.source ?? null, file: text.file, lanes };
  if (context.json) context.terminal.line(JSON.stringify(found));
  else showLanes(context, found);
  return 'ok';
}

const streamsOf = (text: string | undefined): readonly Stream[] => {
  if (text === undefined) return streams;
  if (isStream(text)) return [text];
  throw usageError(`--stream "${text}" is no stream: realtime or batch.`);
};

/** A source is one of the configuration, or at least of the file. */
function checkSource(context: CommandContext, { shaping }: ShapingText, source: string): void {
  if (shaping.sources.has(source)) return;
  const known = Object.keys(context.installation().config.sources);
  if (known.includes(source)) return;
  throw usageError(
    `There is no source "${source}".${didYouMean(source, known)}`,
    known.length > 0 ? `The configuration has ${known.join(', ')}.` : 'The configuration has none.',
  );
}

function showLanes(
  { terminal, cwd }: CommandContext,
  found: {
    readonly name: string;
    readonly isp: string;
    readonly site: string;
    readonly file: string;
    readonly lanes: readonly ExplainedLane[];
  },
): void {
  const { name, isp, site, file, lanes } = found;
  const who = site === isp ? 'provider' : `${isp} (${site})`;
  terminal.line(`${terminal.paint('bold', printable(name))}  ${printable(who)}`);
  terminal.line(terminal.paint('gray', `lines of ${printable(shortName(file, cwd))}`));
  for (const { stream, suspended, limits, lane, message_limits: messages } of merged(lanes)) {
    terminal.line();
    terminal.line(`${lane}  ${terminal.paint('gray', stream)}`);
    if (suspended !== null) {
      const until = suspended.until === null ? 'resumed' : dateAndTime(suspended.until);
      const text = `suspended until ${until} by ${suspended.by}: ${suspended.reason}`;
      terminal.line(terminal.paint('red', printable(text)));
    }
    const rows = limits.map((limit) => [limit.key, limit.value, printable(originOf(limit))]);
    terminal.line(tableOf(terminal, ['LIMIT', 'VALUE', 'FROM'], rows));
    for (const { of, value, line } of messages)
      terminal.line(
        printable(`messages of ${of}: ${value} over all lanes${line === null ? '' : ` (line ${line})`}`),
      );
  }
}

/** What is the same for both streams is shown once. */
const merged = (
  lanes: readonly ExplainedLane[],
): readonly (Omit<ExplainedLane, 'stream'> & { readonly stream: string })[] => {
  const [first, ...rest] = lanes;
  if (first === undefined || rest.length === 0) return lanes;
  const said = ({ limits, suspended, message_limits }: ExplainedLane): string =>
    JSON.stringify([limits.map(({ key, value, line }) => [key, value, line]), suspended, message_limits]);
  if (rest.some((lane) => said(lane) !== said(first))) return lanes;
  const lane = first.lane.slice(first.stream.length + 1);
  return [{ ...first, lane, stream: lanes.map(({ stream }) => stream).join(' and ') }];
};

const originOf = ({ origin, line, control }: ExplainedLimit): string => {
  if (origin === null) return 'built in';
  if (control === null) return line === null ? origin : `line ${line}: ${origin}`;
  const until = control.until === null ? '' : `, until ${dateAndTime(control.until)}`;
  return `${origin} by ${control.author}${until}: ${control.reason}`;
};

const shortName = (file: string, cwd: string): string =>
  file.startsWith(`${cwd}/`) ? file.slice(cwd.length + 1) : file;

/** The shaping file that is in force, and who applied it. */
export async function showShaping(context: CommandContext): Promise<Ending> {
  const controls = await readControls(context);
  const { file, text } = await shapingInForce(context, controls);
  const applied = controls.shapingText(context.now());
  const by =
    applied === undefined
      ? null
      : { author: applied.author, reason: applied.reason, set_at: applied.setAt, until: applied.until };
  if (context.json) context.terminal.line(JSON.stringify({ file, applied: by, text }));
  else {
    const said =
      by === null ? 'as configured' : `applied ${dateAndTime(by.set_at)} by ${by.author}: ${by.reason}`;
    context.terminal.line(`# ${printable(`${file}, ${said}`)}`);
    context.terminal.line(text.trimEnd());
  }
  return 'ok';
}
