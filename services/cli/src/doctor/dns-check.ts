/** Whether the configured DNS servers find a provider's mail servers. */
import { ispOf } from '@millrace/core';
import type { DnsResolver } from '@millrace/smtp';
import { type Finding, failed, ok, warning } from './finding.ts';

const check = 'DNS';
/** A domain whose answer is known. */
export const knownDomain = 'gmail.com';

/** The mail server to try port 25 with, and what was found. */
export interface DnsFindings {
  readonly findings: readonly Finding[];
  readonly host?: string;
  readonly addresses: readonly string[];
}

export async function checkDns(
  resolver: Pick<DnsResolver, 'resolve' | 'addresses'>,
  servers: readonly string[],
): Promise<DnsFindings> {
  const by = servers.length === 0 ? "the system's servers" : servers.join(', ');
  const todo =
    'Check router.dns_servers and that UDP and TCP port 53 to them are open; a resolver of your own beside the workers is best.';
  const answer = await resolver.resolve(knownDomain);
  if (answer.kind !== 'mx') {
    const what = answer.kind === 'temporary' ? answer.reason : `${knownDomain} has no MX there`;
    return { findings: [failed(check, `${by}: ${what}`, todo)], addresses: [] };
  }
  const hosts = answer.hosts.map(({ exchange }) => exchange);
  const [host = ''] = hosts;
  const addresses = await resolver.addresses(host, 'ipv4');
  if (addresses.kind !== 'addresses') {
    const what = addresses.kind === 'none' ? `${host} has no address` : addresses.reason;
    return { findings: [failed(check, `${by}: ${what}`, todo)], addresses: [] };
  }
  const found = ok(check, `${by}: the mail of ${knownDomain} goes to ${host} (${addresses.addresses[0]})`);
  const isp = ispOf(hosts);
  return {
    findings:
      isp === 'gmail'
        ? [found]
        : [
            warning(
              check,
              `${by}: the mail of ${knownDomain} goes to ${host}, which is not Google's`,
              'These servers change answers; is that meant?',
            ),
          ],
    host,
    addresses: addresses.addresses,
  };
}
