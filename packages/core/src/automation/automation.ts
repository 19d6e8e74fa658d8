/**
 * Replies of all workers against the rules. Pure but for what it remembers: of each rule and scope the newest replies and
 * the last firing.
 */
import type { Control } from '../control/control.ts';
import { formatScope } from '../control/control-scope.ts';
import { type AutomationRule, ruleFor, type SeenReply } from './automation-rule.ts';
import { controlsOf, type Firing, recoveredAt, ruleOfAuthor, ruleScope } from './firing.ts';

/** Of one rule on one scope. */
interface Memory {
  /** Replies that count, oldest first; never more than the rule's threshold. */
  hits: readonly { readonly at: number; readonly eventId: string }[];
  /** Replies until then are of what was under way when it fired. */
  quietUntil: number;
  /** Until then one more reply of the kind is enough. */
  recoveringUntil: number;
  /** When it last fired; 0: never. */
  firedAt: number;
}

/** The replies that count together with this one; told twice it counts once. */
const counted = (memory: Memory, { at, eventId }: SeenReply, rule: AutomationRule): Memory['hits'] => [
  ...memory.hits.filter((hit) => hit.at > at - rule.withinMs && hit.eventId !== eventId),
  { at, eventId },
];

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
    const { at } = reply;
    if (at < memory.quietUntil) return undefined;
    const hits = counted(memory, reply, rule);
    const again = at < memory.recoveringUntil;
    if (hits.length < (again ? 1 : rule.after)) {
      memory.hits = hits;
      return undefined;
    }
    const { controls, until } = controlsOf(rule, scope, reply);
    memory.hits = [];
    memory.firedAt = at;
    memory.quietUntil = until ?? Number.POSITIVE_INFINITY;
    memory.recoveringUntil = until === null ? 0 : recoveredAt(rule, until);
    return { rule, scope, reply, count: hits.length, again, controls, until };
  }

  /** Counts a reply that was acted on already, or will be seen again: for whoever takes over. */
  note(reply: SeenReply): void {
    const rule = ruleFor(this.#rules, reply);
    const scope = rule === undefined ? undefined : ruleScope(rule, reply);
    if (rule === undefined || scope === undefined) return;
    const memory = this.#remember(`${rule.name} ${formatScope(scope)}`);
    if (reply.at >= memory.quietUntil) memory.hits = counted(memory, reply, rule).slice(-rule.after);
  }

  /** A rule's control from mail.control: the rule has fired, whoever saw to it. */
  recall(control: Control): void {
    const rule = ruleOfAuthor(control.author);
    if (rule === undefined) return;
    const memory = this.#remember(`${rule} ${formatScope(control.scope)}`);
    if (control.setAt < memory.firedAt) return;
    const end = control.until ?? Number.POSITIVE_INFINITY;
    const fullUntil = control.kind === 'cap' ? (control.recovery?.startsAt ?? end) : end;
    // Of a suspension with a cap behind it, what comes first is when it listens again.
    const since = memory.firedAt === control.setAt;
    memory.hits = since ? memory.hits : [];
    memory.quietUntil = since ? Math.min(memory.quietUntil, fullUntil) : fullUntil;
    memory.recoveringUntil = since ? Math.max(memory.recoveringUntil, end) : end;
    memory.firedAt = control.setAt;
  }

  /** Somebody has undone what the rule did to the scope: it counts from the beginning. */
  undone(rule: string, scope: string): void {
    this.#memories.delete(`${rule} ${scope}`);
  }

  #remember(key: string): Memory {
    const memory = this.#memories.get(key) ?? { hits: [], quietUntil: 0, recoveringUntil: 0, firedAt: 0 };
    this.#memories.delete(key);
    this.#memories.set(key, memory);
    if (this.#memories.size > mostMemories) {
      const [oldest] = this.#memories.keys();
      if (oldest !== undefined) this.#memories.delete(oldest);
    }
    return memory;
  }
}
