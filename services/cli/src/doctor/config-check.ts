/** Whether what the configuration names is there: key files, sending addresses, somebody who may send. */
import { createPrivateKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { networkInterfaces } from 'node:os';
import type { Installation } from '../installation.ts';
import { type Finding, failed, ok, warning } from './finding.ts';

const check = 'configuration';

export interface Machine {
  /** Addresses of its interfaces. */
  readonly addresses: ReadonlySet<string>;
}

export const thisMachine = (): Machine => ({
  addresses: new Set(
    Object.values(networkInterfaces()).flatMap((list) => (list ?? []).map(({ address }) => address)),
  ),
});

export function checkConfig(
  { config, configOrigin }: Pick<Installation, 'config' | 'configOrigin'>,
  machine: Machine = thisMachine(),
): readonly Finding[] {
  const findings = [
    ...config.dkim.flatMap(({ domain, keys }) =>
      keys.flatMap((key) => keyProblem(`${key.selector}._domainkey.${domain}`, key.key_file, key.algorithm)),
    ),
    ...Object.entries(config.sources).flatMap(([name, source]) =>
      [source.address, source.address6].flatMap((address) =>
        address === undefined || source.proxy !== undefined || isHere(address, machine)
          ? []
          : [
              warning(
                check,
                `source ${name} sends from ${address}, which is not an address of this machine`,
                'Run doctor where the delivery workers run, or give the machine that address.',
              ),
            ],
      ),
    ),
    ...(Object.keys(config.tenants).length === 0
      ? [
          warning(
            check,
            'there is no tenant: nobody may send',
            'Add tenants.<name> with an API key; docs/configuration.md lists its keys.',
          ),
        ]
      : []),
  ];
  const bad = findings.filter(({ status }) => status === 'failed');
  return bad.length > 0 ? findings : [ok(check, `${configOrigin} is valid`), ...findings];
}

const isHere = (address: string, machine: Machine): boolean =>
  machine.addresses.has(address) || (isIP(address) === 4 && address.startsWith('127.'));

function keyProblem(name: string, file: string, algorithm: string): readonly Finding[] {
  const wanted = algorithm === 'rsa-sha256' ? 'rsa' : 'ed25519';
  const todo = `Put a PEM private key (${wanted}) there, readable for the user that delivery runs as.`;
  try {
    const kind = createPrivateKey(readFileSync(file)).asymmetricKeyType;
    if (kind === wanted) return [];
    return [failed(check, `${file}, the key of ${name}, is a key of type ${kind}, not ${wanted}`, todo)];
  } catch (error) {
    const reason =
      error instanceof Error && 'code' in error && error.code === 'ENOENT'
        ? 'is not there'
        : 'cannot be read';
    return [failed(check, `${file}, the key of ${name}, ${reason}`, todo)];
  }
}
