import { isIP, isIPv6 } from 'node:net';
import { domainToASCII } from 'node:url';
import { askServer, type DnsQuestion, type DnsType } from './dns-query.ts';
import { type DnsFinding, normalName, readAnswer } from './dns-records.ts';
import { type DnsServerAddress, dnsServers } from './dns-server-address.ts';
import type { AddressAnswer, AddressPreference, MxAnswer, MxHost, TextAnswer } from './mx-answer.ts';
import { Slots } from './slots.ts';

export interface DnsResolverOptions {
  /** `host:port` of recursive servers, tried in this order; empty: the system's. */
  readonly servers: readonly string[];
  /** One question to one server, ms. */
  readonly timeoutMs: number;
  /** Names and types remembered. Default 20,000. */
  readonly cacheEntries?: number;
  /** Questions under way at once; further ones wait. Default 200. */
  readonly maxInFlight?: number;
  /** ms since the epoch. */
  readonly now?: () => number;
}

interface Entry {
  readonly finding: DnsFinding;
  readonly freshUntil: number;
}

/** Rounds over all servers before a question counts as unanswered. */
const rounds = 2;
const maxWaiting = 20_000;
const longestTtlSeconds = 86_400;
const maxAliasQuestions = 4;

/**
 * Finds mail servers and their addresses through recursive DNS servers. Answers, negative ones too (RFC 2308), are
 * remembered for their time to live; failures are not. Who asks for what is being asked waits for the same answer.
 */
export class DnsResolver {
  readonly #servers: readonly DnsServerAddress[];
  readonly #timeoutMs: number;
  readonly #cacheEntries: number;
  readonly #now: () => number;
  readonly #slots: Slots;
  readonly #cache = new Map<string, Entry>();
  readonly #pending = new Map<string, Promise<DnsFinding>>();
  readonly #stopped = new AbortController();
  #questions = 0;

  /** Throws TypeError for a server that is no address and port. */
  constructor(options: DnsResolverOptions) {
    this.#servers = dnsServers(options.servers);
    this.#timeoutMs = options.timeoutMs;
    this.#cacheEntries = options.cacheEntries ?? 20_000;
    this.#now = options.now ?? Date.now;
    this.#slots = new Slots(options.maxInFlight ?? 200, maxWaiting);
  }

  /** Questions sent to servers so far, and answers remembered. */
  stats(): { readonly questions: number; readonly entries: number; readonly inFlight: number } {
    return { questions: this.#questions, entries: this.#cache.size, inFlight: this.#pending.size };
  }

  /** Where a domain's mail goes, RFC 5321 5.1. Internationalised names are looked up in their ASCII form. Never rejects. */
  async resolve(domain: string): Promise<MxAnswer> {
    const name = queryName(domain);
    if (name === undefined) return { kind: 'no_domain' };
    const mx = await this.#find(name, 'MX');
    switch (mx.kind) {
      case 'failed':
        return { kind: 'temporary', reason: mx.reason };
      case 'no_name':
        return { kind: 'no_domain' };
      case 'records':
        return mxAnswer(mx.values, mx.ttl);
      case 'no_data':
      case 'alias':
        return await this.#implicit(name);
    }
  }

  /** A host's addresses, those of the preferred family first. An IP address is its own answer. Never rejects. */
  async addresses(host: string, prefer: AddressPreference = 'ipv4'): Promise<AddressAnswer> {
    if (isIP(host) !== 0) return { kind: 'addresses', addresses: [host] };
    const name = queryName(host);
    if (name === undefined) return { kind: 'none' };
    const findings = await this.#findAddresses(name, prefer);
    const addresses = findings.flatMap((finding) =>
      finding.kind === 'records' ? finding.values.map(({ data }) => data) : [],
    );
    if (addresses.length > 0) {
      const ipv6 = addresses.filter((address) => isIPv6(address));
      const ipv4 = addresses.filter((address) => !isIPv6(address));
      return { kind: 'addresses', addresses: prefer === 'ipv6' ? [...ipv6, ...ipv4] : [...ipv4, ...ipv6] };
    }
    const failed = findings.find((finding) => finding.kind === 'failed');
    return failed === undefined ? { kind: 'none' } : { kind: 'temporary', reason: failed.reason };
  }

  /** A name's TXT records. Never rejects. */
  async texts(host: string): Promise<TextAnswer> {
    const name = queryName(host);
    if (name === undefined) return { kind: 'none' };
    const finding = await this.#find(name, 'TXT');
    switch (finding.kind) {
      case 'records':
        return { kind: 'texts', texts: finding.values.map(({ data }) => data) };
      case 'failed':
        return { kind: 'temporary', reason: finding.reason };
      default:
        return { kind: 'none' };
    }
  }

  /** Gives up what is being asked; those who wait get `temporary`. */
  stop(): void {
    this.#stopped.abort();
    this.#cache.clear();
  }

  #findAddresses(name: string, prefer: AddressPreference): Promise<readonly DnsFinding[]> {
    const types: readonly DnsType[] =
      prefer === 'ipv4_only' ? ['A'] : prefer === 'ipv6_only' ? ['AAAA'] : ['A', 'AAAA'];
    return Promise.all(types.map((type) => this.#find(name, type)));
  }

  // No MX: the domain is its own mail server, where it has an address.
  async #implicit(name: string): Promise<MxAnswer> {
    const findings = await this.#findAddresses(name, 'ipv4');
    const ttls = findings.flatMap((finding) => (finding.kind === 'records' ? [finding.ttl] : []));
    if (ttls.length > 0) {
      return { kind: 'mx', hosts: [{ exchange: name, preference: 0 }], ttl: Math.min(...ttls) };
    }
    const failed = findings.find((finding) => finding.kind === 'failed');
    return failed === undefined ? { kind: 'no_domain' } : { kind: 'temporary', reason: failed.reason };
  }

  #find(name: string, type: DnsType): Promise<DnsFinding> {
    const key = `${type} ${name}`;
    const known = this.#cache.get(key);
    if (known !== undefined) {
      const left = known.freshUntil - this.#now();
      if (left > 0) {
        this.#cache.delete(key);
        this.#cache.set(key, known);
        return Promise.resolve(withTtl(known.finding, Math.floor(left / 1_000)));
      }
      this.#cache.delete(key);
    }
    const pending = this.#pending.get(key);
    if (pending !== undefined) return pending;
    const asked = this.#follow({ name, type })
      .then((finding) => this.#remember(key, finding))
      .finally(() => this.#pending.delete(key));
    this.#pending.set(key, asked);
    return asked;
  }

  // Most recursive servers follow aliases themselves.
  async #follow(question: DnsQuestion): Promise<DnsFinding> {
    let asked = question;
    let ttl = longestTtlSeconds;
    for (let hops = 0; hops <= maxAliasQuestions; hops++) {
      const finding = await this.#ask(asked);
      if (finding.kind === 'failed') return finding;
      ttl = Math.min(ttl, finding.ttl);
      if (finding.kind !== 'alias') return withTtl(finding, ttl);
      asked = { name: finding.target, type: question.type };
    }
    return { kind: 'failed', reason: `${question.name} is an alias without an end` };
  }

  async #ask(question: DnsQuestion): Promise<DnsFinding> {
    const free = await this.#slots.take();
    if (!free) return { kind: 'failed', reason: 'too many DNS questions are waiting' };
    try {
      return await this.#askServers(question);
    } finally {
      this.#slots.release();
    }
  }

  async #askServers(question: DnsQuestion): Promise<DnsFinding> {
    let reason = 'no DNS server is configured';
    for (let round = 0; round < rounds; round++) {
      for (const server of this.#servers) {
        if (this.#stopped.signal.aborted) return { kind: 'failed', reason: 'the resolver is stopped' };
        const where = `DNS server ${server.address}:${server.port}`;
        this.#questions++;
        try {
          const packet = await askServer(server, question, this.#timeoutMs, this.#stopped.signal);
          const finding = readAnswer(question, packet);
          if (finding.kind !== 'failed') return finding;
          reason = `${where}: ${finding.reason}`;
        } catch (error) {
          reason = `${where}: ${error instanceof Error ? error.message : String(error)}`;
        }
      }
    }
    return { kind: 'failed', reason: `${question.type} of ${question.name}: ${reason}` };
  }

  #remember(key: string, finding: DnsFinding): DnsFinding {
    if (finding.kind === 'failed' || finding.ttl <= 0 || this.#stopped.signal.aborted) return finding;
    this.#cache.set(key, { finding, freshUntil: this.#now() + finding.ttl * 1_000 });
    if (this.#cache.size > this.#cacheEntries) {
      for (const oldest of this.#cache.keys()) {
        this.#cache.delete(oldest);
        break;
      }
    }
    return finding;
  }
}

const withTtl = (finding: DnsFinding, ttl: number): DnsFinding =>
  finding.kind === 'failed' ? finding : { ...finding, ttl };

function mxAnswer(values: readonly { data: string; preference: number }[], ttl: number): MxAnswer {
  const hosts = new Map<string, MxHost>();
  for (const { data, preference } of values.toSorted((a, b) => a.preference - b.preference)) {
    if (data !== '' && !hosts.has(data)) hosts.set(data, { exchange: data, preference });
  }
  // RFC 7505: the root as the only exchange.
  return hosts.size === 0 ? { kind: 'null_mx' } : { kind: 'mx', hosts: [...hosts.values()], ttl };
}

/** The name to ask for; undefined for what can be no domain name (RFC 1035 2.3.4). */
function queryName(domain: string): string | undefined {
  const name = normalName(/^[\x21-\x7e]+$/.test(domain) ? domain : domainToASCII(domain));
  const labels = name.split('.');
  const valid = name.length <= 253 && labels.every((label) => label.length >= 1 && label.length <= 63);
  return valid ? name : undefined;
}
