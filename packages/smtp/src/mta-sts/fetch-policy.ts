/** A policy file over HTTPS: RFC 8461 3.3. */
import { X509Certificate } from 'node:crypto';
import { request } from 'node:https';
import { checkServerIdentity } from 'node:tls';
import { isLoopback } from '../client/loopback.ts';
import type { DnsResolver } from '../dns/dns-resolver.ts';

/** The text of a domain's policy file (name in ASCII). Rejects with an Error that says why there is none. */
export type PolicyFetch = (domain: string) => Promise<string>;

export interface PolicyFetchOptions {
  readonly resolver: Pick<DnsResolver, 'addresses'>;
  /** PEM of the authorities to trust; undefined: Node's. */
  readonly ca: string | undefined;
  /** Refuse every address that is not loopback. */
  readonly loopbackOnly: boolean;
  /** Other than 443 only where no policy host is real. */
  readonly port?: number;
  /** All of it, ms. Default 10 s: mail waits for it. */
  readonly timeoutMs?: number;
}

/** RFC 8461 3.3 suggests 64 KB. */
const maxBytes = 65_536;
const path = '/.well-known/mta-sts.txt';

/** `checkServerIdentity` of Node's, and no common name in place of a DNS-ID (RFC 8461 3.3, RFC 6125 6.4). */
const checkIdentity: typeof checkServerIdentity = (host, certificate) => {
  const problem = checkServerIdentity(host, certificate);
  if (problem !== undefined) return problem;
  const named = new X509Certificate(certificate.raw).checkHost(host, {
    subject: 'never',
    partialWildcards: false,
  });
  return named === undefined
    ? new Error(`The certificate does not name ${host} among its DNS names`)
    : undefined;
};

/** Fetches from `mta-sts.<domain>`; follows no redirect and keeps no connection. */
export const policyFetch = (options: PolicyFetchOptions): PolicyFetch => {
  const { resolver, ca, loopbackOnly, port = 443, timeoutMs = 10_000 } = options;
  return async (domain) => {
    const host = `mta-sts.${domain}`;
    const signal = AbortSignal.timeout(timeoutMs);
    const found = await resolver.addresses(host);
    const address = found.kind === 'addresses' ? found.addresses[0] : undefined;
    if (address === undefined) throw new Error(`${host} has no address`);
    if (loopbackOnly && !isLoopback(address)) {
      throw new Error(`${host} (${address}) is not on this machine, and only loopback addresses are allowed`);
    }
    return await new Promise<string>((resolve, reject) => {
      const asked = request({
        host: address,
        port,
        path,
        servername: host,
        headers: { host, accept: 'text/plain' },
        agent: false,
        minVersion: 'TLSv1.2',
        checkServerIdentity: checkIdentity,
        ...(ca === undefined ? {} : { ca }),
        signal,
      });
      asked.on('error', (error) => {
        reject(signal.aborted ? new Error(`${host} did not answer within ${timeoutMs} ms`) : error);
      });
      asked.on('response', (response) => {
        const fail = (why: string): void => {
          asked.destroy();
          reject(new Error(`${host} ${why}`));
        };
        const { statusCode, headers } = response;
        if (statusCode !== 200) return fail(`answers ${statusCode}`);
        if (!/^text\/plain[ \t]*(?:;|$)/i.test(headers['content-type'] ?? ''))
          return fail('sends no text/plain');
        const chunks: Buffer[] = [];
        let bytes = 0;
        response.on('data', (chunk: Buffer) => {
          bytes += chunk.length;
          if (bytes > maxBytes) fail(`sends more than ${maxBytes} bytes`);
          else chunks.push(chunk);
        });
        response.on('error', reject);
        response.on('end', () => resolve(Buffer.concat(chunks).toString('utf8')));
      });
      asked.end();
    });
  };
};
