/** What a shaping file says, as limits: the edge where it is parsed. */
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isps, type MessageLimit, rateLimit, type Shaping, type ShapingLayer, streams } from '@millrace/core';
import { parseSettings } from '@millrace/service';
import { limitChangesOf } from './limit-changes.ts';
import { ratePerSecond } from './quantities.ts';
import { type LayerEntry, type MessageLimitEntry, ShapingFile } from './shaping-schema.ts';

/** The limits that come with Millrace. */
export const shippedShapingFile = fileURLToPath(
  new URL('../../../infra/shaping/default.yaml', import.meta.url),
);

/**
 * Throws ConfigError (code ERR_CONFIG) with file, line, key and the nearest right word of everything that is wrong.
 * `file` is for messages.
 */
export const parseShaping = (text: string, file: string): Shaping => {
  const entries = parseSettings(ShapingFile, { text, file, baseDirectory: dirname(file) });
  const byIsp = isps.flatMap((isp) => {
    const entry: LayerEntry | undefined = entries.isps?.[isp];
    return entry === undefined ? [] : [[isp, layer(entry)] as const];
  });
  return {
    default: layer(entries.default ?? {}),
    isps: new Map(byIsp),
    sites: layers(entries.sites),
    domains: layers(entries.domains),
    sources: layers(entries.sources),
    messageLimits: (entries.limits ?? []).map(messageLimit),
  };
};

const messageLimit = ({
  by,
  match,
  isp,
  stream,
  max_message_rate,
  burst,
}: MessageLimitEntry): MessageLimit => ({
  by,
  match,
  isp: isps.find((one) => one === isp),
  stream: streams.find((one) => one === stream),
  rate: rateLimit(ratePerSecond(max_message_rate) ?? 1, burst ?? null),
});

const layers = (
  entries: Readonly<Record<string, LayerEntry>> | undefined,
): ReadonlyMap<string, ShapingLayer> =>
  new Map(Object.entries(entries ?? {}).map(([name, entry]) => [name, layer(entry)]));

const layer = ({ streams, ...entry }: LayerEntry): ShapingLayer => ({
  limits: limitChangesOf(entry),
  streams: {
    ...(streams?.realtime && { realtime: limitChangesOf(streams.realtime) }),
    ...(streams?.batch && { batch: limitChangesOf(streams.batch) }),
  },
});
