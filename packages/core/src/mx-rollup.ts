/** One name for the set of hosts that receive a domain's mail: all domains behind the same hosts share a lane. */
import { hash } from 'node:crypto';

/** Longest site name: it is a Redis key's and a metric's part. */
const maxSiteLength = 200;

/** Providers that give each customer's domain a host of its own before the same servers. */
const hostPerCustomer: readonly string[] = ['mail.protection.outlook.com', 'mx.microsoft'];

/** Hosts of Google Workspace, which come in several sets before the same servers. */
const workspaceHost = /^(?:alt\d\.)?aspmx\d?\.(?:l\.google|googlemail)\.com$|^smtp\.google\.com$/;

const collapse = (host: string): string => {
  if (workspaceHost.test(host)) return 'aspmx.l.google.com';
  const shared = hostPerCustomer.find((suffix) => host.endsWith(`.${suffix}`));
  return shared === undefined ? host : `*.${shared}`;
};

const tidy = (host: string): string => {
  const lower = host.toLowerCase();
  return lower.endsWith('.') ? lower.slice(0, -1) : lower;
};

/**
 * Differing labels as alternatives; where some hosts have fewer labels, the missing front is optional.
 * With more than one place that differs the alternatives would name other hosts too: then all are listed.
 */
const factor = (hosts: readonly string[]): string => {
  const split = hosts.map((host) => host.split('.'));
  const width = Math.max(...split.map((labels) => labels.length));
  const columns: string[] = [];
  let differing = 0;
  for (let fromEnd = width; fromEnd >= 1; fromEnd--) {
    const labels = new Set<string>();
    let missing = false;
    for (const parts of split) {
      const label = parts.at(-fromEnd);
      if (label === undefined) missing = true;
      else labels.add(label);
    }
    const [first = ''] = labels;
    const same = labels.size === 1 && !missing;
    if (!same) differing++;
    const alternatives = same ? first : `(${[...labels].join('|')})`;
    columns.push(missing ? `${alternatives}?` : alternatives);
  }
  return differing === 1 ? columns.join('.') : `(${hosts.join('|')})`;
};

/**
 * Site name of an MX host set, the same whatever the order, case or final dot:
 * `(alt1|alt2|alt3|alt4)?.gmail-smtp-in.l.google.com`. At most 200 characters: a longer one ends in a digest.
 */
export const siteOf = (mxHosts: readonly string[]): string => {
  const hosts = [...new Set(mxHosts.map((host) => collapse(tidy(host))))].sort();
  const [only = ''] = hosts;
  const site = hosts.length <= 1 ? only : factor(hosts);
  if (site.length <= maxSiteLength) return site;
  return `${site.slice(0, maxSiteLength - 17)}~${hash('sha256', hosts.join(' '), 'hex').slice(0, 16)}`;
};
