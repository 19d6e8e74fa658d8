/** What comes of a rule that fires: controls for every worker. */
import type { Control, Recovery } from '../control/control.ts';
import type { ControlScope } from '../control/control-scope.ts';
import { controlKey } from '../control/parse-control.ts';
import { lanePlace } from '../lane.ts';
import type { AutomationRule, SeenReply } from './automation-rule.ts';
import { replyLine } from './automation-rule.ts';

export interface Firing {
  readonly rule: AutomationRule;
  readonly scope: ControlScope;
  /** The reply that made it fire. */
  readonly reply: SeenReply;
  /** Replies that were counted, this one included. */
  readonly count: number;
  /** Whether it fired because the limit was still recovering from the firing before. */
  readonly again: boolean;
  /** To be written to mail.control. Empty: it only alerts. */
  readonly controls: readonly Control[];
  /** Until when it suspends or limits fully, ms since the epoch; null: until it is undone. */
  readonly until: number | null;
}

const authorPrefix = 'automation:';

/** Author of a rule's controls. */
const ruleAuthor = (rule: string): string => `${authorPrefix}${rule}`;

/** The rule that set a control; undefined: somebody else did. */
export const ruleOfAuthor = (author: string): string | undefined =>
  author.startsWith(authorPrefix) ? author.slice(authorPrefix.length) : undefined;

const provider = ({ isp, site }: SeenReply): string => lanePlace({ isp, site });

/** What a rule acts on when it sees this reply; undefined: the reply does not say it. */
export const ruleScope = (rule: AutomationRule, reply: SeenReply): ControlScope | undefined => {
  const { stream, source, tenant, senderDomain } = reply;
  switch (rule.scope) {
    case 'lane':
      return { kind: 'lane', stream, site: lanePlace(reply), source };
    case 'isp':
      return { kind: 'isp', stream, site: provider(reply) };
    case 'source':
      return { kind: 'source', name: source };
    case 'tenant':
      return tenant === '' ? undefined : { kind: 'tenant', name: tenant };
    case 'sender':
      return senderDomain === null ? undefined : { kind: 'sender', stream: 'batch', domain: senderDomain };
    default:
      return rule.scope satisfies never;
  }
};

/** When the last step of its recovery ends, ms since the epoch. */
export const recoveredAt = (rule: AutomationRule, until: number): number =>
  rule.recovery === null ? until : until + rule.recovery.steps * rule.recovery.stepEveryMs;

const canBeCapped = ({ kind }: ControlScope): boolean =>
  kind === 'lane' || kind === 'isp' || kind === 'source';

/** The controls of a rule that fires at the time of this reply. */
export const controlsOf = (
  rule: AutomationRule,
  scope: ControlScope,
  reply: SeenReply,
): Pick<Firing, 'controls' | 'until'> => {
  const { at } = reply;
  const until = rule.forMs === null ? null : at + rule.forMs;
  const head = {
    scope,
    until,
    reason: [rule.alert, rule.trigger === 'complaint' ? 'complaint' : null, replyLine(reply)]
      .filter((part) => part !== null)
      .join(': ')
      .slice(0, 500),
    author: ruleAuthor(rule.name),
    setAt: at,
  };
  const controls: Control[] = [];
  if (rule.suspend) controls.push({ ...head, kind: 'suspension', key: controlKey('suspension', scope) });
  if (rule.moveTo !== null)
    controls.push({ ...head, kind: 'move', key: controlKey('move', scope), to: rule.moveTo });
  const key = controlKey('cap', scope);
  const { recovery } = rule;
  if (rule.limit !== null) {
    const steps: Recovery | null =
      recovery === null || until === null
        ? null
        : { startsAt: until, stepEveryMs: recovery.stepEveryMs, factor: recovery.factor };
    controls.push({
      ...head,
      kind: 'cap',
      key,
      until: until === null ? null : recoveredAt(rule, until),
      changes: rule.limit,
      recovery: steps,
    });
  } else if (rule.suspend && recovery !== null && until !== null && canBeCapped(scope)) {
    // Stands behind the suspension from the start, so that it holds at the moment when that ends.
    controls.push({
      ...head,
      kind: 'cap',
      key,
      until: recoveredAt(rule, until),
      changes: { messagesPerSecond: recovery.fromPerSecond, connections: 1 },
      recovery: {
        startsAt: until + recovery.stepEveryMs,
        stepEveryMs: recovery.stepEveryMs,
        factor: recovery.factor,
      },
    });
  }
  return { controls, until };
};
