/** Which lanes the mail of a domain takes: its provider and site by its MX, as the router finds them. */
import { type Isp, ispOf, isps, siteOf } from '@millrace/core';
import { didYouMean } from '@millrace/service';
import { DnsResolver } from '@millrace/smtp';
import { CliError, usageError } from './cli-error.ts';
import type { CommandContext } from './context.ts';

/** Where mail goes, as far as limits are concerned. */
export interface Way {
  readonly isp: Isp;
  readonly site: string;
}

const ispNamed = (name: string): Isp | undefined => isps.find((isp) => isp === name);

/** The way of a recipient domain, or of a provider by its name. Throws CliError where it has no mail server. */
export async function wayOf(context: CommandContext, name: string): Promise<Way> {
  const isp = ispNamed(name);
  if (isp !== undefined) return { isp, site: isp };
  if (!name.includes('.'))
    throw usageError(`"${name}" is neither a domain nor a provider.${didYouMean(name, isps)}`);
  const { router } = context.installation().config;
  const resolver = new DnsResolver({ servers: router.dns_servers, timeoutMs: router.dns_timeout_ms });
  try {
    const answer = await resolver.resolve(name.toLowerCase());
    switch (answer.kind) {
      case 'mx': {
        const hosts = answer.hosts.map(({ exchange }) => exchange);
        return { isp: ispOf(hosts), site: siteOf(hosts) };
      }
      case 'null_mx':
        throw new CliError('failed', 'ERR_NULL_MX', `${name} takes no mail (null MX, RFC 7505).`);
      case 'no_domain':
        throw new CliError('not_found', 'ERR_NO_DOMAIN', `There is no domain ${name}.`);
      case 'temporary':
        throw new CliError('unreachable', 'ERR_DNS', `DNS does not say where ${name} is: ${answer.reason}.`, {
          hint: 'Check router.dns_servers; millrace doctor tries them.',
        });
      default:
        return answer satisfies never;
    }
  } finally {
    await resolver.stop();
  }
}

/** The way of a domain that the shaping names; where nobody knows it, that is told, with what follows from it. */
export async function wayOfNamed(
  context: CommandContext,
  name: string,
  consequence: string,
): Promise<Way | undefined> {
  try {
    return await wayOf(context, name);
  } catch (error) {
    if (!(error instanceof CliError)) throw error;
    context.terminal.problem(`${error.message} ${consequence}`);
    return undefined;
  }
}
