/**
 * What is kept of scopes, of a bounded number of them: the one that was seen longest ago is forgotten first. Each event is
 * about five scopes that nearly always were seen just before: they are found without being spelt, and are links of a chain,
 * as moving them to the end of a Map costs more than all that is done with them.
 */
import { type ControlScope, formatScope, type ScopeKind } from '../control/control-scope.ts';

/** What events name scopes by. */
export type NamedKind = 'tenant' | 'campaign' | 'pool' | 'source' | 'isp';

interface Entry<T> {
  readonly key: string;
  readonly scope: ControlScope;
  readonly kept: T;
  /** Those that were seen next before and after it. */
  older: Entry<T> | undefined;
  newer: Entry<T> | undefined;
}

export class RecentScopes<T> {
  readonly #most: number;
  readonly #keptOf: (scope: ControlScope) => T;
  /** By their spelling. */
  readonly #entries = new Map<string, Entry<T>>();
  /** Those among them that were found by name, by kind and name. */
  readonly #named = new Map<ScopeKind, Map<string, Entry<T>>>();
  #oldest: Entry<T> | undefined;
  #newest: Entry<T> | undefined;

  /** `keptOf`: of a scope that is seen for the first time. */
  constructor(most: number, keptOf: (scope: ControlScope) => T) {
    this.#most = most;
    this.#keptOf = keptOf;
  }

  /** Of each scope, the one that was seen longest ago first. */
  *values(): Iterable<T> {
    for (let entry = this.#oldest; entry !== undefined; entry = entry.newer) yield entry.kept;
  }

  /** What is kept of a scope, which is seen with that. */
  of(scope: ControlScope): T {
    return this.#see(this.#entryOf(scope));
  }

  /** The same by name, of batch mail. `tenant`: whose campaign it is. */
  named(kind: NamedKind, name: string, tenant = ''): T {
    const known = this.#named.get(kind)?.get(name);
    return this.#see(known !== undefined && isOf(known, tenant) ? known : this.#learn(kind, name, tenant));
  }

  forget(scope: ControlScope): void {
    const entry = this.#entries.get(formatScope(scope));
    if (entry !== undefined) this.#drop(entry);
  }

  #see(entry: Entry<T>): T {
    if (entry !== this.#newest) {
      this.#unlink(entry);
      this.#append(entry);
    }
    return entry.kept;
  }

  #learn(kind: NamedKind, name: string, tenant: string): Entry<T> {
    const entry = this.#entryOf(scopeNamed(kind, name, tenant));
    const names = this.#named.get(kind) ?? new Map<string, Entry<T>>();
    this.#named.set(kind, names.set(name, entry));
    return entry;
  }

  #entryOf(scope: ControlScope): Entry<T> {
    const key = formatScope(scope);
    const known = this.#entries.get(key);
    if (known !== undefined) return known;
    if (this.#oldest !== undefined && this.#entries.size >= this.#most) this.#drop(this.#oldest);
    const entry = { key, scope, kept: this.#keptOf(scope), older: undefined, newer: undefined };
    this.#entries.set(key, entry);
    this.#append(entry);
    return entry;
  }

  #drop(entry: Entry<T>): void {
    this.#entries.delete(entry.key);
    this.#named.delete(entry.scope.kind);
    this.#unlink(entry);
  }

  #unlink({ older, newer }: Entry<T>): void {
    if (older === undefined) this.#oldest = newer;
    else older.newer = newer;
    if (newer === undefined) this.#newest = older;
    else newer.older = older;
  }

  #append(entry: Entry<T>): void {
    entry.older = this.#newest;
    entry.newer = undefined;
    if (this.#newest === undefined) this.#oldest = entry;
    else this.#newest.newer = entry;
    this.#newest = entry;
  }
}

/** Two tenants may have campaigns of the same name. */
const isOf = <T>({ scope }: Entry<T>, tenant: string): boolean =>
  scope.kind !== 'campaign' || scope.tenant === tenant;

const scopeNamed = (kind: NamedKind, name: string, tenant: string): ControlScope => {
  switch (kind) {
    case 'campaign':
      return { kind, tenant, name };
    case 'isp':
      return { kind, stream: 'batch', site: name };
    case 'tenant':
    case 'pool':
    case 'source':
      return { kind, name };
    default:
      return kind satisfies never;
  }
};
