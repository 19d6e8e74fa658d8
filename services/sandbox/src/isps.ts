import type { BehaviourInput } from './behaviour.ts';

/** One simulated mailbox provider: its MX hosts, each on a loopback address of its own, and who they serve. */
export interface IspDefinition {
  /** Name in paths, statistics and YAML. */
  readonly name: string;
  /** Behaviour and wording are looked up by name first, then by group. */
  readonly group: string;
  readonly hosts: readonly { readonly name: string; readonly address: string }[];
  /** Recipient domains with their MX records; host names must be among `hosts`. */
  readonly domains: Readonly<
    Record<string, readonly { readonly preference: number; readonly host: string }[]>
  >;
  /** What its servers call themselves, after the 220. */
  readonly greeting: string;
}

/** Every MX host has an address of its own, so that fail-over can be seen; an ISP owns ten of 127.0.1.0/24. */
const hostsFrom = (firstOctet: number, names: readonly string[]) =>
  names.map((name, index) => ({ name, address: `127.0.1.${firstOctet + index}` }));

const served = (
  domains: readonly string[],
  exchanges: readonly (readonly [number, string])[],
): IspDefinition['domains'] =>
  Object.fromEntries(
    domains.map((domain) => [domain, exchanges.map(([preference, host]) => ({ preference, host }))]),
  );

const gmailHosts = [
  'gmail-smtp-in.l.google.com',
  'alt1.gmail-smtp-in.l.google.com',
  'alt2.gmail-smtp-in.l.google.com',
  'alt3.gmail-smtp-in.l.google.com',
  'alt4.gmail-smtp-in.l.google.com',
] as const;
const workspaceHosts = [
  'aspmx.l.google.com',
  'alt1.aspmx.l.google.com',
  'alt2.aspmx.l.google.com',
  'alt3.aspmx.l.google.com',
  'alt4.aspmx.l.google.com',
] as const;
const workspaceDomains = Array.from({ length: 10 }, (_, index) => `workspace-${twoDigits(index + 1)}.test`);
const office365Tenants = ['contoso', 'fabrikam', 'northwind'] as const;

const named: readonly IspDefinition[] = [
  {
    name: 'gmail',
    group: 'gmail',
    hosts: hostsFrom(10, [...gmailHosts, ...workspaceHosts]),
    domains: {
      ...served(
        ['gmail.com', 'googlemail.com'],
        [
          [5, gmailHosts[0]],
          [10, gmailHosts[1]],
          [20, gmailHosts[2]],
          [30, gmailHosts[3]],
          [40, gmailHosts[4]],
        ],
      ),
      ...served(workspaceDomains, [
        [1, workspaceHosts[0]],
        [5, workspaceHosts[1]],
        [5, workspaceHosts[2]],
        [10, workspaceHosts[3]],
        [10, workspaceHosts[4]],
      ]),
    },
    greeting: 'mx.google.com ESMTP {session} - gsmtp',
  },
  {
    name: 'yahoo',
    group: 'yahoo',
    hosts: hostsFrom(20, [
      'mta5.am0.yahoodns.net',
      'mta6.am0.yahoodns.net',
      'mta7.am0.yahoodns.net',
      'mx-aol.mail.gm0.yahoodns.net',
    ]),
    domains: {
      ...served(
        ['yahoo.com', 'ymail.com', 'rocketmail.com'],
        [
          [1, 'mta5.am0.yahoodns.net'],
          [1, 'mta6.am0.yahoodns.net'],
          [1, 'mta7.am0.yahoodns.net'],
        ],
      ),
      ...served(['aol.com', 'aim.com', 'verizon.net'], [[10, 'mx-aol.mail.gm0.yahoodns.net']]),
    },
    greeting: '{host} ESMTP ready',
  },
  {
    name: 'yahoo-jp',
    group: 'yahoo-jp',
    hosts: hostsFrom(30, ['mx1.mail.yahoo.co.jp', 'mx2.mail.yahoo.co.jp', 'mx3.mail.yahoo.co.jp']),
    domains: served(
      ['yahoo.co.jp'],
      [
        [10, 'mx1.mail.yahoo.co.jp'],
        [10, 'mx2.mail.yahoo.co.jp'],
        [10, 'mx3.mail.yahoo.co.jp'],
      ],
    ),
    greeting: '{host} ESMTP ready',
  },
  {
    name: 'outlook',
    group: 'outlook',
    hosts: hostsFrom(40, [
      'outlook-com.olc.protection.outlook.com',
      'hotmail-com.olc.protection.outlook.com',
      'live-com.olc.protection.outlook.com',
      'msn-com.olc.protection.outlook.com',
    ]),
    domains: {
      ...served(['outlook.com'], [[5, 'outlook-com.olc.protection.outlook.com']]),
      ...served(['hotmail.com'], [[2, 'hotmail-com.olc.protection.outlook.com']]),
      ...served(['live.com'], [[2, 'live-com.olc.protection.outlook.com']]),
      ...served(['msn.com'], [[2, 'msn-com.olc.protection.outlook.com']]),
    },
    greeting: '{session}.mail.protection.outlook.com Microsoft ESMTP MAIL Service ready at {date}',
  },
  {
    name: 'office365',
    group: 'office365',
    hosts: hostsFrom(
      50,
      office365Tenants.map((tenant) => `${tenant}-test.mail.protection.outlook.com`),
    ),
    domains: Object.assign(
      {},
      ...office365Tenants.map((tenant) =>
        served([`${tenant}.test`], [[0, `${tenant}-test.mail.protection.outlook.com`]]),
      ),
    ),
    greeting: '{session}.mail.protection.outlook.com Microsoft ESMTP MAIL Service ready at {date}',
  },
  {
    name: 'apple',
    group: 'apple',
    hosts: hostsFrom(60, ['mx01.mail.icloud.com', 'mx02.mail.icloud.com']),
    domains: served(
      ['icloud.com', 'me.com', 'mac.com'],
      [
        [10, 'mx01.mail.icloud.com'],
        [10, 'mx02.mail.icloud.com'],
      ],
    ),
    greeting: 'iCloud SMTP - {session} {host} ESMTP',
  },
  {
    name: 'comcast',
    group: 'comcast',
    hosts: hostsFrom(70, [
      'mx1a1.comcast.net',
      'mx2a1.comcast.net',
      'mx1h1.comcast.net',
      'mx2h1.comcast.net',
    ]),
    domains: served(
      ['comcast.net'],
      [
        [5, 'mx1a1.comcast.net'],
        [5, 'mx2a1.comcast.net'],
        [5, 'mx1h1.comcast.net'],
        [5, 'mx2h1.comcast.net'],
      ],
    ),
    greeting: '{host} ESMTP Postfix',
  },
  {
    name: 'gmx',
    group: 'gmx',
    hosts: hostsFrom(80, ['mx00.gmx.net', 'mx01.gmx.net', 'mx-ha02.web.de', 'mx-ha03.web.de']),
    domains: {
      ...served(
        ['gmx.net', 'gmx.de', 'gmx.at', 'gmx.ch'],
        [
          [10, 'mx00.gmx.net'],
          [10, 'mx01.gmx.net'],
        ],
      ),
      ...served(
        ['web.de'],
        [
          [100, 'mx-ha02.web.de'],
          [100, 'mx-ha03.web.de'],
        ],
      ),
    },
    greeting: 'gmx.net (mxgmx) Nemesis ESMTP Service ready',
  },
  {
    name: 'orange',
    group: 'orange',
    hosts: hostsFrom(90, ['smtp-in.orange.fr']),
    domains: served(['orange.fr', 'wanadoo.fr'], [[10, 'smtp-in.orange.fr']]),
    greeting: '{host} ESMTP ABO ready',
  },
  {
    name: 'mimecast',
    group: 'mimecast',
    hosts: hostsFrom(100, ['eu-smtp-inbound-1.mimecast.com', 'eu-smtp-inbound-2.mimecast.com']),
    domains: served(
      ['mimecast-tenant.test'],
      [
        [10, 'eu-smtp-inbound-1.mimecast.com'],
        [10, 'eu-smtp-inbound-2.mimecast.com'],
      ],
    ),
    greeting: 'eu-smtp-1.mimecast.com ESMTP; {date}',
  },
  {
    name: 'proofpoint',
    group: 'proofpoint',
    hosts: hostsFrom(110, ['mxa-00000001.gslb.pphosted.com', 'mxb-00000001.gslb.pphosted.com']),
    domains: served(
      ['proofpoint-tenant.test'],
      [
        [10, 'mxa-00000001.gslb.pphosted.com'],
        [10, 'mxb-00000001.gslb.pphosted.com'],
      ],
    ),
    greeting: '{host} ESMTP cm {session}',
  },
];

/** Domains that are odd on purpose, all served by the ISP `special`. */
const special: IspDefinition = {
  name: 'special',
  group: 'special',
  hosts: [
    ...hostsFrom(120, ['mx.special.test', 'mx2.special.test', 'implicit.test']),
    { name: 'mx6.special.test', address: '::1' },
  ],
  domains: {
    // bücher.test: its A-label form, RFC 5891.
    ...served(['xn--bcher-kva.test', 'special.test'], [[10, 'mx.special.test']]),
    ...served(['ipv6.test'], [[10, 'mx6.special.test']]),
    ...served(
      ['dual.test'],
      [
        [10, 'mx6.special.test'],
        [20, 'mx.special.test'],
      ],
    ),
    // The first host has an address on which nothing ever listens.
    ...served(
      ['failover.test'],
      [
        [10, 'dead.special.test'],
        [20, 'mx2.special.test'],
      ],
    ),
  },
  greeting: '{host} ESMTP ready',
};

/** The long tail: every domain its own server, all in the group `tail`. */
const tail: readonly IspDefinition[] = Array.from({ length: 50 }, (_, index) => {
  const name = `tail-${twoDigits(index + 1)}`;
  return {
    name,
    group: 'tail',
    hosts: [{ name: `mx.${name}.test`, address: `127.0.2.${index + 1}` }],
    domains: served([`${name}.test`], [[10, `mx.${name}.test`]]),
    greeting: '{host} ESMTP Postfix',
  };
});

/** Every simulated provider. */
export const ispDefinitions: readonly IspDefinition[] = [...named, special, ...tail];

/** Names that behaviour can be given for: every ISP, and `tail` for all of the long tail. */
export const behaviourNames: readonly string[] = [
  ...named.map((isp) => isp.name),
  'special',
  'tail',
  ...tail.map((isp) => isp.name),
];

/** An address of the loopback network on which nothing listens. */
export const deadAddress = '127.0.1.254';

/**
 * Behaviour shipped per group, from what the providers publish. Limits are those at which the provider answers,
 * so a sender that keeps the shipped shaping never meets them.
 */
export const shippedBehaviours: Readonly<Record<string, BehaviourInput>> = {
  gmail: { connection_limit: 20, tls: 'required', mails_per_connection: 100, size_limit: 157_286_400 },
  yahoo: { connection_limit: 20, mails_per_connection: 20, size_limit: 41_943_040, smtputf8: false },
  'yahoo-jp': { connection_limit: 8, mails_per_connection: 20, size_limit: 26_214_400, smtputf8: false },
  outlook: { connection_limit: 20, mails_per_connection: 100, size_limit: 49_283_072 },
  office365: { connection_limit: 20, mails_per_connection: 100, size_limit: 157_286_400 },
  apple: { connection_limit: 40, mails_per_connection: 20, size_limit: 28_311_552 },
  comcast: {
    connection_limit: 100,
    tls: 'required',
    mails_per_connection: 1_000,
    size_limit: 36_700_160,
    smtputf8: false,
  },
  gmx: {
    connection_limit: 16,
    tls: 'required',
    mails_per_connection: 100,
    size_limit: 69_920_427,
    smtputf8: false,
  },
  orange: {
    connection_limit: 8,
    tls: 'required',
    mails_per_connection: 100,
    size_limit: 44_000_000,
    smtputf8: false,
  },
  mimecast: { connection_limit: 40, mails_per_connection: 100 },
  proofpoint: { connection_limit: 40, mails_per_connection: 100, size_limit: 134_217_728 },
  special: {},
  tail: { connection_limit: 40, size_limit: 10_240_000 },
};

function twoDigits(value: number): string {
  return String(value).padStart(2, '0');
}
