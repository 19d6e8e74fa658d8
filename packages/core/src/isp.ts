/** Mailbox providers that have a shard of their own; every other domain shares `other`. */
export const isps = [
  'gmail',
  'yahoo',
  'yahoo-jp',
  'outlook',
  'office365',
  'apple',
  'comcast',
  'gmx',
  'orange',
  'mimecast',
  'proofpoint',
  'other',
] as const;

export type Isp = (typeof isps)[number];

export const isIsp = (name: string | null): name is Isp => isps.some((isp) => isp === name);

/** MX host suffixes of each provider, as published in its sender pages. */
const suffixes: Readonly<Record<string, Isp>> = {
  'google.com': 'gmail',
  'googlemail.com': 'gmail',
  'yahoodns.net': 'yahoo',
  'yahoo.co.jp': 'yahoo-jp',
  'olc.protection.outlook.com': 'outlook',
  'mail.protection.outlook.com': 'office365',
  'mx.microsoft': 'office365',
  'icloud.com': 'apple',
  'comcast.net': 'comcast',
  'gmx.net': 'gmx',
  'web.de': 'gmx',
  'orange.fr': 'orange',
  'mimecast.com': 'mimecast',
  'mimecast.co.za': 'mimecast',
  'mimecast-offshore.com': 'mimecast',
  'pphosted.com': 'proofpoint',
  'ppe-hosted.com': 'proofpoint',
};
const ispBySuffix: ReadonlyMap<string, Isp> = new Map(Object.entries(suffixes));

/** Provider of one MX host name, by its longest known suffix of whole labels. */
export const ispOfHost = (host: string): Isp => {
  let rest = host.toLowerCase();
  if (rest.endsWith('.')) rest = rest.slice(0, -1);
  for (;;) {
    const isp = ispBySuffix.get(rest);
    if (isp !== undefined) return isp;
    const dot = rest.indexOf('.');
    if (dot === -1) return 'other';
    rest = rest.slice(dot + 1);
  }
};

/** Provider of a domain by its MX hosts, best preference first: the host that mail goes to decides. */
export const ispOf = (mxHosts: readonly string[]): Isp => ispOfHost(mxHosts[0] ?? '');
