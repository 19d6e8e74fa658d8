/**
 * Replies of all workers against the rules. Pure but for what it remembers: of each rule and scope the newest replies and
 * the last firing.
 */
import { formatScope } from '../control/control-scope.ts';
import { type AutomationRule, ruleFor, type SeenReply } from './automation-rule.ts';
import { controlsOf, type Firing, recoveredAt, ruleScope } from './firing.ts';

/** Of one rule on one scope. */
interface Memory {
  /** Replies that count, oldest first; never more than the rule's threshold. */
  hits: readonly { readonly at: number; readonly eventId: string }[];
  /** Replies until then are of what was under way when it fired. */
  quietUntil: number;
  /** Until then one more reply of the kind is enough. */
  recoveringUntil: number;
}

/** Most rules and scopes that are remembered; those that were seen longest ago are forgotten first. */
const mostMemories = 50_000;

export class Automation {
  #rules: readonly AutomationRule[];
  /** By rule and scope, in the order of when they were last seen. */
  readonly #memories = new Map<string, Memory>();

  constructor(rules: readonly AutomationRule[]) {
    this.#rules = rules;
  }

  /** Longest time that a reply counts, ms. */
  get windowMs(): number {
    return Math.max(0, ...this.#rules.map(({ withinMs }) => withinMs));
  }

  /** Replaces the rules; what was counted for a rule of the same name still counts. */
  replace(rules: readonly AutomationRule[]): void {
    this.#rules = rules;
  }

  /** Counts a negative reply; the firing that it causes, if it does. The same reply told twice counts once. */
  see(reply: SeenReply): Firing | undefined {
    const rule = ruleFor(this.#rules, reply);
    const scope = rule === undefined ? undefined : ruleScope(rule, reply);
    if (rule === undefined || scope === undefined) return undefined;
    const memory = this.#remember(`${rule.name} ${formatScope(scope)}`);
    const { at, eventId } = reply;
    if (at < memory.quietUntil || memory.hits.some((hit) => hit.eventId === eventId)) return undefined;
    const hits = [...memory.hits.filter((hit) => hit.at > at - rule.withinMs), { at, eventId }];
    const again = at < memory.recoveringUntil;
    if (hits.length < (again ? 1 : rule.after)) {
      memory.hits = hits;
      return undefined;
    }
    const { controls, until } = controlsOf(rule, scope, reply);
    memory.hits = [];
    memory.quietUntil = until ?? Number.POSITIVE_INFINITY;
    memory.recoveringUntil = until === null ? 0 : recoveredAt(rule, until);
    return { rule, scope, reply, count: hits.length, again, controls, until };
  }

  /** Somebody has undone what the rule did to the scope: it counts from the beginning. */
  undone(rule: string, scope: string): void {
    this.#memories.delete(`${rule} ${scope}`);
  }

  #remember(key: string): Memory {
    const memory = this.#memories.get(key) ?? { hits: [], quietUntil: 0, recoveringUntil: 0 };
    this.#memories.delete(key);
    this.#memories.set(key, memory);
    if (this.#memories.size > mostMemories) {
      const [oldest] = this.#memories.keys();
      if (oldest !== undefined) this.#memories.delete(oldest);
    }
    return memory;
  }
}
