/** The automation of a shaping file as rules. */
import { dirname } from 'node:path';
import type { AutomationRule, MoveControl, RuleScope } from '@millrace/core';
import {
  ConfigError,
  type ConfigProblem,
  type KeyPath,
  keyOf,
  parseSettings,
  parseYaml,
} from '@millrace/service';
import type { RuleEntry } from './automation-schema.ts';
import { durationMs, ratePerSecond } from './quantities.ts';
import { ShapingFile } from './shaping-schema.ts';

/** Throws ConfigError (code ERR_CONFIG) as `parseShaping`. `file` is for messages. */
export const parseAutomation = (text: string, file: string): readonly AutomationRule[] => {
  const { automation } = parseSettings(ShapingFile, { text, file, baseDirectory: dirname(file) });
  const problems = automation.flatMap((entry, index) =>
    problemsOf(entry, automation.slice(0, index)).map(({ key, message }) => ({
      path: ['automation', index, ...key],
      message,
    })),
  );
  const { lineOf } = parseYaml(text, file);
  const [first, ...rest] = problems.map(
    ({ path, message }): ConfigProblem => ({
      file,
      line: lineOf(path),
      variable: undefined,
      key: keyOf(path),
      message,
    }),
  );
  if (first !== undefined) throw new ConfigError([first, ...rest]);
  return automation.map(ruleOf);
};

interface RuleProblem {
  readonly key: KeyPath;
  readonly message: string;
}

const capped: readonly RuleScope[] = ['lane', 'isp', 'source'];

/** What no single key can be wrong about. */
const problemsOf = (entry: RuleEntry, before: readonly RuleEntry[]): readonly RuleProblem[] => {
  const problems: RuleProblem[] = [];
  const { name, trigger, match, scope, limit, suspend, move, alert } = entry;
  const broken = match === undefined ? undefined : brokenExpression(match);
  if (match === undefined && trigger === 'answer')
    problems.push({ key: [], message: 'needs `match`: which answers it is about.' });
  if (broken !== undefined)
    problems.push({ key: ['match'], message: `must be a regular expression: ${broken}` });
  if (before.some((other) => other.name === name))
    problems.push({ key: ['name'], message: `"${name}" is the name of a rule above.` });
  if (limit === undefined && !suspend && move === undefined && alert === undefined)
    problems.push({ key: [], message: 'does nothing: give it limit, suspend, move or alert.' });
  if (limit !== undefined && !capped.includes(scope))
    problems.push({ key: ['limit'], message: `a ${scope} has no limits: only ${capped.join(', ')} have.` });
  if (move !== undefined && (move.source === undefined) === (move.pool === undefined))
    problems.push({ key: ['move'], message: 'needs either `source` or `pool`.' });
  if (entry.recover !== undefined && entry.for === undefined)
    problems.push({
      key: ['recover'],
      message: 'what lasts until it is undone does not recover: add `for`.',
    });
  return problems;
};

/** Why it is no regular expression. */
const brokenExpression = (text: string): string | undefined => {
  try {
    new RegExp(text, 'i');
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
};

/** What a complaint says is looked at by few rules. */
const everything = /(?:)/;

const ruleOf = (entry: RuleEntry): AutomationRule => ({
  name: entry.name,
  trigger: entry.trigger,
  isps: entry.isps ?? null,
  streams: entry.streams ?? null,
  pattern: entry.match === undefined ? everything : new RegExp(entry.match, 'i'),
  after: entry.after,
  withinMs: durationMs(entry.within),
  scope: entry.scope,
  limit: entry.limit === undefined ? null : limitOf(entry.limit),
  suspend: entry.suspend,
  moveTo: entry.move === undefined ? null : targetOf(entry.move),
  alert: entry.alert ?? null,
  forMs: entry.for === undefined ? null : durationMs(entry.for),
  recovery: entry.recover === undefined ? null : recoveryOf(entry.recover),
});

const recoveryOf = (entry: NonNullable<RuleEntry['recover']>): AutomationRule['recovery'] => ({
  fromPerSecond: ratePerSecond(entry.from) ?? Number.MAX_SAFE_INTEGER,
  stepEveryMs: durationMs(entry.every),
  factor: entry.factor,
  steps: entry.steps,
});

const limitOf = (entry: NonNullable<RuleEntry['limit']>): AutomationRule['limit'] => ({
  ...(entry.connection_limit !== undefined && { connections: entry.connection_limit }),
  ...(entry.max_connection_rate !== undefined && {
    connectionsPerSecond: ratePerSecond(entry.max_connection_rate),
  }),
  ...(entry.max_message_rate !== undefined && { messagesPerSecond: ratePerSecond(entry.max_message_rate) }),
  ...(entry.max_deliveries_per_connection !== undefined && {
    deliveriesPerConnection: entry.max_deliveries_per_connection,
  }),
  ...(entry.burst !== undefined && { burst: entry.burst }),
});

const targetOf = ({ source, pool }: NonNullable<RuleEntry['move']>): MoveControl['to'] =>
  source !== undefined ? { kind: 'source', name: source } : { kind: 'pool', name: pool ?? '' };
