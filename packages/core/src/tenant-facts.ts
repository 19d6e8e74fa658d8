/** What the configuration says about one tenant, in the form that checks need. */
import { asciiDomain } from './address.ts';
import type { StreamPolicy } from './classify-stream.ts';
import type { Stream } from './stream.ts';

/** The keys of the configuration that are read here; the configuration file's own type satisfies it. */
export interface TenantSettings {
  readonly tenants: Readonly<
    Record<
      string,
      StreamPolicy & {
        readonly from_domains: readonly string[];
        readonly pools: Readonly<Record<Stream, string>>;
      }
    >
  >;
  readonly pools: Readonly<Record<string, { readonly stream: Stream }>>;
  readonly dkim: readonly { readonly domain: string }[];
}

/** One tenant's facts. Made once per tenant, then read for every request. */
export interface TenantFacts {
  readonly tenant: string;
  readonly policy: StreamPolicy;
  /** Domains to send from, subdomains included; A-labels. `*`: every domain. */
  readonly fromDomains: ReadonlySet<string>;
  /** Stream of each pool of the installation. */
  readonly poolStreams: ReadonlyMap<string, Stream>;
  /** The tenant's pool of each stream. */
  readonly defaultPools: Readonly<Record<Stream, string>>;
}

/** Facts of every configured tenant, by name. */
export const tenantFacts = (settings: TenantSettings): ReadonlyMap<string, TenantFacts> => {
  const poolStreams = new Map(Object.entries(settings.pools).map(([name, pool]) => [name, pool.stream]));
  const signed = settings.dkim.map((key) => key.domain);
  return new Map(
    Object.entries(settings.tenants).map(([tenant, policy]) => {
      const domains = policy.from_domains.length === 0 ? signed : policy.from_domains;
      return [
        tenant,
        {
          tenant,
          policy,
          fromDomains: new Set(domains.map((domain) => asciiDomain(domain) ?? domain.toLowerCase())),
          poolStreams,
          defaultPools: policy.pools,
        },
      ];
    }),
  );
};

/** Whether the tenant may send from this domain (A-labels): it or a parent of it is allowed. */
export const maySendFrom = (facts: TenantFacts, domain: string): boolean => {
  if (facts.fromDomains.has('*')) return true;
  let rest = domain;
  for (;;) {
    if (facts.fromDomains.has(rest)) return true;
    const dot = rest.indexOf('.');
    if (dot === -1) return false;
    rest = rest.slice(dot + 1);
  }
};

/** Pool of a message: the request's, else the tenant's for the stream. Undefined: it is not one of that stream. */
export const poolFor = (facts: TenantFacts, stream: Stream, asked: string | null): string | undefined => {
  const pool = asked ?? facts.defaultPools[stream];
  return facts.poolStreams.get(pool) === stream ? pool : undefined;
};
