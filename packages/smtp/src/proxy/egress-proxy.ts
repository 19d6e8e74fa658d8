/** A host that connects to servers for us, so that mail leaves from its address instead of this machine's. */
interface ProxyPlace {
  /** IP address of the proxy. */
  readonly address: string;
  readonly port: number;
}

/** HAProxy's PROXY protocol, version 2: a header says which address to leave from and where to. The proxy never answers. */
export interface HeaderProxy extends ProxyPlace {
  readonly kind: 'proxy_v2';
  /** Address of the proxy's host to leave from, of the same family as the server's. */
  readonly sourceAddress: string;
}

/** SOCKS, version 5 (RFC 1928): the proxy's own configuration decides which address it leaves from. */
export interface SocksProxy extends ProxyPlace {
  readonly kind: 'socks5';
  /** With `password`, RFC 1929: 1 to 255 bytes each. */
  readonly username?: string;
  readonly password?: string;
}

export type EgressProxy = HeaderProxy | SocksProxy;

/** `SOCKS5 proxy 192.0.2.7:1080`, for messages. */
export const nameOfProxy = ({ kind, address, port }: EgressProxy): string =>
  `${kind === 'socks5' ? 'SOCKS5' : 'PROXY v2'} proxy ${address}:${port}`;
