/** Where a local installation lives and on which ports, from the environment: the same for every program of ours. */
import { join, resolve } from 'node:path';
import {
  defaultPortBase,
  type PipelinePorts,
  pipelinePortsFrom,
  portBaseRange,
} from './pipeline/addresses.ts';
import type { StackPorts } from './stack/embedded-stack.ts';
import { UserError } from './stack/user-error.ts';

export interface Installation {
  /** MILLRACE_DIRECTORY; default `.millrace` in the checkout. */
  readonly directory: string;
  /** The downloaded programs: always in the checkout, whatever the directory. */
  readonly libDirectory: string;
  /** Counted from MILLRACE_PORT_BASE (default 7400); undefined with 0: any free ones. */
  readonly ports: { readonly pipeline: PipelinePorts; readonly stack: StackPorts } | undefined;
}

export const root = resolve(import.meta.dirname, '..');

/** Throws a UserError (`ERR_PORT_BASE`) for a port base that is none. */
export function installationOf(env: Readonly<Record<string, string | undefined>>): Installation {
  const base = portBaseOf(env.MILLRACE_PORT_BASE);
  return {
    directory: resolve(root, env.MILLRACE_DIRECTORY || '.millrace'),
    libDirectory: join(root, '.millrace', 'lib'),
    ports:
      base === 0
        ? undefined
        : {
            pipeline: pipelinePortsFrom(base),
            stack: { kafka: base + 5, kafkaController: base + 6, registry: base + 7, redis: base + 8 },
          },
  };
}

function portBaseOf(text: string | undefined): number {
  if (text === undefined || text === '') return defaultPortBase;
  const base = Number(text);
  if (base === 0 || (Number.isInteger(base) && base >= portBaseRange.from && base <= portBaseRange.to))
    return base;
  throw new UserError(
    'ERR_PORT_BASE',
    `MILLRACE_PORT_BASE is "${text}": it must be a port from ${portBaseRange.from} to ${portBaseRange.to}, from which 21 are used, or 0 for any free ones.`,
  );
}
