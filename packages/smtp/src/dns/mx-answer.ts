/** A host that takes a domain's mail, lower case, without the final dot. */
export interface MxHost {
  readonly exchange: string;
  /** The lower, the earlier. */
  readonly preference: number;
}

/** Where the mail of a domain goes. */
export type MxAnswer =
  /** By preference; the domain itself where it has an address and no MX (RFC 5321 5.1). `ttl`: seconds left. */
  | { readonly kind: 'mx'; readonly hosts: readonly MxHost[]; readonly ttl: number }
  /** The domain takes no mail, RFC 7505. */
  | { readonly kind: 'null_mx' }
  /** It does not exist, or has neither MX nor address. */
  | { readonly kind: 'no_domain' }
  /** Nobody knows right now. */
  | { readonly kind: 'temporary'; readonly reason: string };

/** The addresses of a host. */
export type AddressAnswer =
  | { readonly kind: 'addresses'; readonly addresses: readonly string[] }
  | { readonly kind: 'none' }
  | { readonly kind: 'temporary'; readonly reason: string };

/** The TXT records of a name, each with its strings joined. */
export type TextAnswer =
  | { readonly kind: 'texts'; readonly texts: readonly string[] }
  | { readonly kind: 'none' }
  | { readonly kind: 'temporary'; readonly reason: string };

/** Which family comes first; `_only` asks for no other. */
export type AddressPreference = 'ipv4' | 'ipv6' | 'ipv4_only' | 'ipv6_only';

/**
 * The order in which to try hosts: by preference, those with the same in random order (RFC 5321 5.1).
 * `random`: 0 <= x < 1.
 */
export function mxOrder(hosts: readonly MxHost[], random: () => number): readonly string[] {
  return hosts
    .map((host) => ({ host, lot: random() }))
    .sort((a, b) => a.host.preference - b.host.preference || a.lot - b.lot)
    .map(({ host }) => host.exchange);
}
