/**
 * Which addresses endpoints are reached at: public ones, and those that the configuration allows. Looked at for every
 * connection, after the name was resolved, and the connection goes to the very address that was looked at: a name that
 * answers differently a moment later changes nothing.
 */
import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';
import { buildConnector } from 'undici';

/** Nothing was connected to: the name leads to no address that endpoints may have. */
export class RefusedAddressError extends Error {
  readonly code = 'ERR_WEBHOOK_ADDRESS';

  constructor(hostname: string, addresses: readonly string[]) {
    const where = isIP(hostname) === 0 ? `${hostname} leads to ${addresses.join(', ')}` : hostname;
    super(`${where}: not a public address, and none of webhooks.allow_addresses.`);
    this.name = 'RefusedAddressError';
  }
}

type Network = readonly [ipaddr.IPv4 | ipaddr.IPv6, number];

/** Public by their range, and yet not somebody's server: a cloud's own, addresses that hold an IPv4 address. */
const refusedNetworks: readonly Network[] = ['168.63.129.16/32', '::/96'].map((text) =>
  ipaddr.parseCIDR(text),
);
/** What IPv6 has given to networks so far (RFC 4291 2.4). */
const globalUnicast = ipaddr.parseCIDR('2000::/3');

const isIn = (address: ipaddr.IPv4 | ipaddr.IPv6, [network, bits]: Network): boolean =>
  address.kind() === network.kind() && address.match(network, bits);

/** Tells whether an address may be connected to. `allowed`: networks such as 127.0.0.0/8; throws where one is none. */
export const addressGuard = (allowed: readonly string[]): ((address: string) => boolean) => {
  const networks: readonly Network[] = allowed.map((text) => ipaddr.parseCIDR(text));
  return (text) => {
    if (!ipaddr.isValid(text)) return false;
    // An IPv4 address in IPv6 clothes is that IPv4 address.
    const address = ipaddr.process(text);
    if (networks.some((network) => isIn(address, network))) return true;
    if (address.range() !== 'unicast' || refusedNetworks.some((network) => isIn(address, network)))
      return false;
    return address.kind() === 'ipv4' || isIn(address, globalUnicast);
  };
};

/** Every address of a name. */
export type Resolve = (hostname: string) => Promise<readonly string[]>;

const systemResolve: Resolve = async (hostname) =>
  (await lookup(hostname, { all: true, order: 'ipv4first' })).map(({ address }) => address);

export interface GuardedConnectorOptions {
  readonly mayConnectTo: (address: string) => boolean;
  /** Default: the system's resolver. */
  readonly resolve?: Resolve | undefined;
  /** PEM; default: the system's authorities. */
  readonly ca?: string | undefined;
  readonly timeoutMs: number;
}

/** Connects to the first address of the name that may be connected to; fails with RefusedAddressError where none may. */
export const guardedConnector = (options: GuardedConnectorOptions): buildConnector.connector => {
  const { mayConnectTo, resolve = systemResolve, ca, timeoutMs } = options;
  const connect = buildConnector({ allowH2: false, timeout: timeoutMs, ...(ca === undefined ? {} : { ca }) });
  const addressOf = async (hostname: string): Promise<string> => {
    const addresses = isIP(hostname) === 0 ? await resolve(hostname) : [hostname];
    const address = addresses.find(mayConnectTo);
    if (address === undefined) throw new RefusedAddressError(hostname, addresses);
    return address;
  };
  return (target, callback) => {
    const hostname = target.hostname.replace(/^\[(.*)\]$/, '$1');
    addressOf(hostname).then(
      (address) => {
        const servername = target.servername || (isIP(hostname) === 0 ? hostname : '');
        connect({ ...target, hostname: address, ...(servername === '' ? {} : { servername }) }, callback);
      },
      (error: unknown) => callback(error instanceof Error ? error : new Error(String(error)), null),
    );
  };
};
