import type { EgressProxy } from '../proxy/egress-proxy.ts';
import type { SmtpTimeouts } from './smtp-timeouts.ts';

/**
 * `opportunistic`: encrypted when the server can, else in the clear. `required`: encrypted or not at all.
 * Neither asks for a certificate that verifies (MX names come from DNS that anybody may forge): see `verify`.
 */
export type TlsPolicy = 'opportunistic' | 'required' | 'disabled';

/** One server, and how to speak to it. */
export interface SmtpOptions {
  /** The MX host: what the certificate should name, and SNI. */
  readonly host: string;
  /** IPv4 or IPv6 address to connect to. */
  readonly address: string;
  readonly port: number;
  /** Address of this machine to send from; default: as the system routes. */
  readonly localAddress?: string;
  /** Connects in our place; only without `localAddress`. Default: straight from this machine. */
  readonly proxy?: EgressProxy;
  /** Name in EHLO. */
  readonly ehloName: string;
  readonly tls: TlsPolicy;
  /** With `required`: refuse a certificate that does not verify, as MTA-STS (RFC 8461) asks. Default false. */
  readonly verify?: boolean;
  /** PEM of the authorities to trust; default: Node's. */
  readonly ca?: string | Buffer;
  /** Refuse every address that is not loopback, the proxy's too, before a socket is opened. */
  readonly loopbackOnly: boolean;
  /** Group commands where the server offers it (RFC 2920). Default true. */
  readonly pipelining?: boolean;
  readonly timeouts?: Partial<SmtpTimeouts>;
  /** Ends the attempt to connect; has no effect on a connection that is there. */
  readonly signal?: AbortSignal;
}
