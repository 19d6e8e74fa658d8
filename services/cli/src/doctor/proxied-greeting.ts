/** Greetings of mail servers that a proxy connects to. */
import { lookup } from 'node:dns/promises';
import type { SourceConfig } from '@millrace/service';
import { connectSmtp, type EgressProxy, SmtpError } from '@millrace/smtp';
import type { Greeting, Target } from './port-check.ts';

/** A source's proxy, and how servers are spoken to through it. */
export interface Through {
  readonly proxy: NonNullable<SourceConfig['proxy']>;
  readonly loopbackOnly: boolean;
  readonly ehloName: string;
}

/** As the delivery workers would connect, up to EHLO. Never rejects. */
export async function greetThrough(target: Target, through: Through, timeoutMs: number): Promise<Greeting> {
  try {
    const connection = await connectSmtp({
      host: target.host,
      address: target.address,
      port: target.port,
      ehloName: through.ehloName,
      tls: 'disabled',
      loopbackOnly: through.loopbackOnly,
      timeouts: { connectMs: timeoutMs, greetingMs: timeoutMs, ehloMs: timeoutMs },
      proxy: await egressProxy(target, through),
    });
    await connection.quit();
    return { kind: 'greeted', line: `220 ${connection.facts.greeting}` };
  } catch (error) {
    const reply = error instanceof SmtpError ? error.reply : undefined;
    if (reply !== undefined) return { kind: 'greeted', line: `${reply.code} ${reply.text}` };
    return { kind: 'failed', reason: error instanceof Error ? error.message : String(error) };
  }
}

async function egressProxy(target: Target, { proxy }: Through): Promise<EgressProxy> {
  const { protocol, host, port, username, password } = proxy;
  const { address } = await lookup(host);
  if (protocol === 'proxy_v2') {
    return { kind: 'proxy_v2', address, port, sourceAddress: target.localAddress ?? '' };
  }
  const login = username === undefined || password === undefined ? {} : { username, password };
  return { kind: 'socks5', address, port, ...login };
}
