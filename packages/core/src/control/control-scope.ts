/** What a control applies to, and its spelling in mail.control. */
import type { Isp } from '../isp.ts';
import { laneKey } from '../lane.ts';
import { isStream, type Stream } from '../stream.ts';

export type ControlScope =
  /** One lane. `site`: provider, or for providers that nobody knows the site: as in `laneKey`. */
  | { readonly kind: 'lane'; readonly stream: Stream; readonly site: string; readonly source: string }
  /** A provider or site from every source. `other`: all sites that nobody knows. */
  | { readonly kind: 'isp'; readonly stream: Stream; readonly site: string }
  | { readonly kind: 'source'; readonly name: string }
  | { readonly kind: 'pool'; readonly name: string }
  | { readonly kind: 'tenant'; readonly name: string }
  | { readonly kind: 'campaign'; readonly tenant: string; readonly name: string }
  /** Recipient domain, A-labels in lower case. */
  | { readonly kind: 'domain'; readonly name: string }
  /** Domain that mail is from, on one stream: what broken authentication is about. */
  | { readonly kind: 'sender'; readonly stream: Stream; readonly domain: string }
  /** Warm-up of one source. */
  | { readonly kind: 'warmup'; readonly source: string }
  /** The whole shaping file. */
  | { readonly kind: 'shaping' };

export type ScopeKind = ControlScope['kind'];

/** What is known of a message, or of a lane only. What is absent matches no scope that needs it. */
export interface ControlFacts {
  readonly stream: Stream;
  readonly isp: Isp;
  readonly site: string;
  readonly source?: string;
  /** The recipient domain, where the shaping gives it lanes of its own. */
  readonly ownDomain?: string | undefined;
  readonly pool?: string;
  readonly tenant?: string;
  readonly campaign?: string | null;
  /** Recipient domain. */
  readonly domain?: string;
  /** Domain of the From address. */
  readonly senderDomain?: string;
}

const ispPart = (stream: Stream, site: string): string => `${stream}/${site}`;

/** Its name within its kind: what stands behind the colon. */
export const scopeName = (scope: ControlScope): string => {
  switch (scope.kind) {
    case 'lane':
      return `${scope.stream}/${scope.site}/${scope.source}`;
    case 'isp':
      return ispPart(scope.stream, scope.site);
    case 'campaign':
      return `${scope.tenant}/${scope.name}`;
    case 'sender':
      return `${scope.stream}/${scope.domain}`;
    case 'warmup':
      return scope.source;
    case 'shaping':
      return '';
    case 'source':
    case 'pool':
    case 'tenant':
    case 'domain':
      return scope.name;
    default:
      return scope satisfies never;
  }
};

/** `lane:batch/gmail/ip1`, `isp:batch/gmail`, `source:ip1`, `campaign:acme/spring`, `sender:batch/acme.example`, `shaping`. */
export const formatScope = (scope: ControlScope): string =>
  scope.kind === 'shaping' ? 'shaping' : `${scope.kind}:${scopeName(scope)}`;

/** The scope that a text spells; undefined: it is none. */
export const parseScope = (text: string): ControlScope | undefined => {
  if (text === 'shaping') return { kind: 'shaping' };
  const colon = text.indexOf(':');
  if (colon === -1 || text.length > 500) return undefined;
  const name = text.slice(colon + 1);
  if (!/^[^\s\p{Cc}]+$/u.test(name) && !text.startsWith('campaign:')) return undefined;
  switch (text.slice(0, colon)) {
    case 'lane':
      return laneScope(name);
    case 'isp': {
      const { stream, rest } = afterStream(name);
      return stream === undefined || rest.includes('/') ? undefined : { kind: 'isp', stream, site: rest };
    }
    case 'source':
      return { kind: 'source', name };
    case 'pool':
      return { kind: 'pool', name };
    case 'tenant':
      return { kind: 'tenant', name };
    case 'campaign': {
      const slash = name.indexOf('/');
      if (slash < 1 || slash === name.length - 1) return undefined;
      return { kind: 'campaign', tenant: name.slice(0, slash), name: name.slice(slash + 1) };
    }
    case 'domain':
      return name === name.toLowerCase() ? { kind: 'domain', name } : undefined;
    case 'sender': {
      const { stream, rest } = afterStream(name);
      return stream === undefined || rest !== rest.toLowerCase()
        ? undefined
        : { kind: 'sender', stream, domain: rest };
    }
    case 'warmup':
      return { kind: 'warmup', source: name };
    default:
      return undefined;
  }
};

/** `batch/gmail/ip1`, as `laneKey` writes it. A source's name holds no slash. */
const laneScope = (name: string): ControlScope | undefined => {
  const { stream, rest } = afterStream(name);
  const slash = rest.lastIndexOf('/');
  if (stream === undefined || slash < 1 || slash === rest.length - 1) return undefined;
  return { kind: 'lane', stream, site: rest.slice(0, slash), source: rest.slice(slash + 1) };
};

const afterStream = (name: string): { readonly stream: Stream | undefined; readonly rest: string } => {
  const slash = name.indexOf('/');
  const stream = name.slice(0, Math.max(0, slash));
  const rest = name.slice(slash + 1);
  return { stream: isStream(stream) && rest !== '' ? stream : undefined, rest };
};

/** Names of the scopes of one kind that cover these facts, weakest first. */
export const scopeNamesOf = (kind: ScopeKind, facts: ControlFacts): readonly string[] => {
  const { stream, isp, site, source, ownDomain, pool, tenant, campaign, domain, senderDomain } = facts;
  const only = (name: string | undefined): readonly string[] => (name === undefined ? [] : [name]);
  switch (kind) {
    case 'lane':
      return only(source === undefined ? undefined : laneKey({ stream, isp, site, source, ownDomain }));
    case 'isp':
      return isp === 'other' ? [ispPart(stream, 'other'), ispPart(stream, site)] : [ispPart(stream, isp)];
    case 'source':
    case 'warmup':
      return only(source);
    case 'pool':
      return only(pool);
    case 'tenant':
      return only(tenant);
    case 'campaign':
      return only(tenant === undefined || campaign == null ? undefined : `${tenant}/${campaign}`);
    case 'domain':
      return only(domain);
    case 'sender':
      return only(senderDomain === undefined ? undefined : `${stream}/${senderDomain}`);
    case 'shaping':
      return [''];
    default:
      return kind satisfies never;
  }
};
