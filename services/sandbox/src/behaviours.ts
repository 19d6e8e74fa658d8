import { readFile } from 'node:fs/promises';
import { nearestWord } from '@millrace/service';
import { parse } from 'yaml';
import {
  type Behaviour,
  BehaviourError,
  type BehaviourInput,
  mergeBehaviour,
  parseBehaviour,
  plainBehaviour,
} from './behaviour.ts';
import { behaviourNames, type IspDefinition, shippedBehaviours } from './isps.ts';

/** Behaviour by ISP name, as a file, the options or the API give it. */
export type BehaviourInputs = Readonly<Record<string, BehaviourInput>>;

/** Throws BehaviourError when there is no such ISP; suggests the nearest. */
export function checkIspName(name: string): void {
  if (behaviourNames.includes(name)) return;
  const suggestion = nearestWord(name, behaviourNames);
  throw new BehaviourError([`${name}: no such ISP${suggestion ? `, did you mean ${suggestion}?` : ''}`]);
}

/** Parses a mapping of ISP names to behaviour. Throws BehaviourError with every problem. */
export function parseBehaviours(input: unknown): BehaviourInputs {
  if (input === null || input === undefined) return {};
  if (typeof input !== 'object' || Array.isArray(input)) {
    throw new BehaviourError(['behaviours: must be a mapping of ISP names to behaviour']);
  }
  const parsed: Record<string, BehaviourInput> = {};
  const problems: string[] = [];
  for (const [name, value] of Object.entries(input)) {
    try {
      checkIspName(name);
      parsed[name] = parseBehaviour(value, name);
    } catch (error) {
      if (!(error instanceof BehaviourError)) throw error;
      problems.push(...error.problems);
    }
  }
  if (problems.length > 0) throw new BehaviourError(problems);
  return parsed;
}

/** Reads the YAML file. Throws BehaviourError that names the file. */
export async function readBehaviours(file: string): Promise<BehaviourInputs> {
  const text = await readFile(file, 'utf8');
  try {
    return parseBehaviours(parse(text));
  } catch (error) {
    if (error instanceof BehaviourError) {
      throw new BehaviourError(error.problems.map((problem) => `${file}: ${problem}`));
    }
    throw new BehaviourError([`${file}: ${error instanceof Error ? error.message : String(error)}`]);
  }
}

/** Which behaviour holds for each ISP: plain, then shipped, then what was given for its group, then for itself. */
export class Behaviours {
  readonly #given: BehaviourInputs;
  #changes: Record<string, BehaviourInput> = {};

  constructor(given: BehaviourInputs) {
    this.#given = given;
  }

  /** On top of what was changed for this name before. */
  change(name: string, input: BehaviourInput): void {
    checkIspName(name);
    const before = this.#changes[name] ?? {};
    this.#changes[name] = {
      ...before,
      ...input,
      latency: { ...before.latency, ...input.latency },
      hidden_limit: { ...before.hidden_limit, ...input.hidden_limit },
    };
  }

  /** Back to the start: this name, or all. */
  reset(name?: string): void {
    if (name === undefined) {
      this.#changes = {};
      return;
    }
    checkIspName(name);
    delete this.#changes[name];
  }

  of(isp: IspDefinition): Behaviour {
    let behaviour = plainBehaviour;
    for (const layer of [shippedBehaviours, this.#given, this.#changes]) {
      for (const name of new Set([isp.group, isp.name])) {
        const input = layer[name];
        if (input) behaviour = mergeBehaviour(behaviour, input);
      }
    }
    return behaviour;
  }
}
