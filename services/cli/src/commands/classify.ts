/** `millrace classify`: what a reply means, and the rule that decided. */
import { text as textOf } from 'node:stream/consumers';
import { classifyReply, type ReplyMeaning, type ReplyPhase } from '@millrace/core';
import { usageError } from '../cli-error.ts';
import type { CommandContext } from '../context.ts';
import type { Ending } from '../exit-codes.ts';
import { printable } from '../printable.ts';
import { tableOf } from '../terminal.ts';

export interface ClassifyFlags {
  readonly phase: string;
}

const phases: readonly ReplyPhase[] = [
  'connect',
  'greeting',
  'ehlo',
  'tls',
  'auth',
  'mail',
  'rcpt',
  'data',
  'body',
];

interface Classified extends ReplyMeaning {
  readonly reply: string;
  readonly code: number | null;
  readonly enhanced: string | null;
}

/** `550-5.1.1 text` as code, enhanced code and text; a text without code counts by its enhanced code, or as a 5xx. */
const classified = (reply: string, phase: ReplyPhase): Classified => {
  const match = /^\s*(?:(\d{3})(?:[ -]|$))?\s*(?:#?([245]\.\d{1,3}\.\d{1,3})\b)?/.exec(reply);
  const enhanced = match?.[2] ?? /(?<![\d.])([245]\.\d{1,3}\.\d{1,3})(?![.\d])/.exec(reply)?.[1] ?? null;
  const code = match?.[1] === undefined ? null : Number(match[1]);
  const judged = code ?? Number(enhanced?.[0] ?? 5) * 100;
  return { reply, code, enhanced, ...classifyReply({ code: judged, enhanced, text: reply }, phase) };
};

/** Throws CliError for a phase that there is none. */
export async function classify(
  context: CommandContext,
  replies: readonly string[],
  flags: ClassifyFlags,
): Promise<Ending> {
  const phase = phases.find((name) => name === flags.phase);
  if (phase === undefined)
    throw usageError(`--phase "${flags.phase}" is no phase of a session: ${phases.join(', ')}.`);
  const asked = await Promise.all(
    replies.map(async (reply) =>
      reply === '-'
        ? (await textOf(context.stdin)).split(/\r?\n/).filter((line) => line.trim() !== '')
        : [reply],
    ),
  );
  const found = asked.flat().map((reply) => classified(reply, phase));
  const { terminal } = context;
  if (context.json) {
    for (const one of found) terminal.line(JSON.stringify(one));
    return 'ok';
  }
  const rows = found.map(({ outcome, category, hard, rule, reply }) => [
    outcome,
    category,
    outcome === 'bounced' ? (hard ? 'hard' : 'soft') : '-',
    rule,
    printable(reply.slice(0, 80)),
  ]);
  terminal.line(tableOf(terminal, ['OUTCOME', 'CATEGORY', 'HARD', 'RULE', 'REPLY'], rows));
  return 'ok';
}
