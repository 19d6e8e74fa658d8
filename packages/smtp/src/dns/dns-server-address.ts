import { getServers } from 'node:dns';
import { isIP } from 'node:net';

/** Where a DNS server listens. */
export interface DnsServerAddress {
  readonly address: string;
  readonly port: number;
}

/**
 * Parses `192.0.2.1`, `192.0.2.1:5353`, `2001:db8::1`, `[2001:db8::1]:5353`.
 * Throws TypeError for anything else: a name would need DNS to be found.
 */
export function parseDnsServer(text: string): DnsServerAddress {
  if (isIP(text) !== 0) return { address: text, port: 53 };
  const match = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(text);
  const address = match?.[1] ?? match?.[2] ?? '';
  const port = Number(match?.[3]);
  if (isIP(address) === 0 || !(port >= 1 && port <= 65_535)) {
    throw new TypeError(`${text} is no DNS server: an IP address and port are needed, such as 192.0.2.53:53`);
  }
  return { address, port };
}

/** The given servers, or the system's where none is given. */
export function dnsServers(given: readonly string[]): readonly DnsServerAddress[] {
  return (given.length > 0 ? given : getServers()).map(parseDnsServer);
}
