/** Rules by which what providers answer, and what recipients complain of, changes what is sent: data, from the shaping file. */
import type { CapChanges, MoveControl } from '../control/control.ts';
import type { Isp } from '../isp.ts';
import type { Stream } from '../stream.ts';

/** What a rule counts replies of and acts on. `sender`: batch of the domain that the mail was from. */
export type RuleScope = 'lane' | 'isp' | 'source' | 'tenant' | 'sender';

/** `answer`: a negative reply to a try. `complaint`: a recipient's report that a provider passed on. */
export type RuleTrigger = 'answer' | 'complaint';

/** How a limit comes back after a firing: in steps, and only while the rule sees no more of its replies. */
export interface RuleRecovery {
  /** Mails a second in the first step after a suspension; a limit begins where it stands. */
  readonly fromPerSecond: number;
  readonly stepEveryMs: number;
  /** Rates and connections grow by it at each step. Above 1. */
  readonly factor: number;
  /** Steps, then the cap is gone. */
  readonly steps: number;
}

export interface AutomationRule {
  readonly name: string;
  readonly trigger: RuleTrigger;
  /** null: all. */
  readonly isps: readonly Isp[] | null;
  /** null: both. */
  readonly streams: readonly Stream[] | null;
  /** Looked for in `<code> <enhanced code> <text>`, or in what a complaint says. */
  readonly pattern: RegExp;
  /** Replies of one scope within `withinMs` that make it fire. */
  readonly after: number;
  readonly withinMs: number;
  readonly scope: RuleScope;
  /** Cap on the scope: lane, isp or source. */
  readonly limit: CapChanges | null;
  readonly suspend: boolean;
  readonly moveTo: MoveControl['to'] | null;
  /** What people are told; null: nobody needs to know at once. */
  readonly alert: string | null;
  /** null: until somebody undoes it. */
  readonly forMs: number | null;
  /** null: all at once. */
  readonly recovery: RuleRecovery | null;
}

/** A negative reply as rules see it, from whichever worker, or a complaint about a mail that was delivered. */
export interface SeenReply {
  readonly trigger: RuleTrigger;
  /** The same however often the reply is told. */
  readonly eventId: string;
  /** ms since the epoch. */
  readonly at: number;
  readonly stream: Stream;
  readonly isp: Isp;
  readonly site: string;
  /** The recipient's domain, where the shaping gives it lanes of its own. */
  readonly ownDomain?: string | undefined;
  readonly source: string;
  readonly tenant: string;
  /** Domain of the From address; null: not known. */
  readonly senderDomain: string | null;
  /** null: of a complaint. */
  readonly code: number | null;
  readonly enhanced: string | null;
  readonly text: string;
}

/** Characters of a reply that are looked at: a stranger wrote it. */
const mostCharacters = 1_000;

/** `421 4.7.28 Our system has detected an unusual rate ...`, or of a complaint `abuse, ...`: what patterns are matched against. */
export const replyLine = ({ code, enhanced, text }: Pick<SeenReply, 'code' | 'enhanced' | 'text'>): string =>
  [code, enhanced, text]
    .filter((part) => part !== null)
    .join(' ')
    .slice(0, mostCharacters);

/** The rule that a reply belongs to: the first that matches, so that what is special stands before what is general. */
export const ruleFor = (rules: readonly AutomationRule[], reply: SeenReply): AutomationRule | undefined => {
  const line = replyLine(reply);
  return rules.find(
    ({ trigger, isps, streams, pattern }) =>
      trigger === reply.trigger &&
      (isps === null || isps.includes(reply.isp)) &&
      (streams === null || streams.includes(reply.stream)) &&
      pattern.test(line),
  );
};
