/** What no single key can be wrong about: names that must exist, things that must not be shared. */
import { isps, isTimeZone, warmUpPlans } from '@millrace/core';
import type { Config } from './config-schema.ts';
import { didYouMean } from './nearest-word.ts';
import type { SettingProblem } from './settings.ts';

type Check = (config: Config) => readonly SettingProblem[];

const loopback = /^(127\.|::1$|localhost$)/;

const poolMembersExist: Check = ({ pools, sources }) =>
  Object.entries(pools).flatMap(([name, pool]) =>
    pool.sources.flatMap(({ source }, index) =>
      Object.hasOwn(sources, source)
        ? []
        : [
            {
              path: ['pools', name, 'sources', index, 'source'],
              message: `there is no source "${source}".${didYouMean(source, Object.keys(sources)) || ' Add it under `sources`.'}`,
            },
          ],
    ),
  );

const streamsShareNoSource: Check = ({ pools }) => {
  const users = new Map<string, { readonly pool: string; readonly stream: string }>();
  const problems: SettingProblem[] = [];
  for (const [name, pool] of Object.entries(pools)) {
    for (const [index, { source }] of pool.sources.entries()) {
      const other = users.get(source);
      if (other !== undefined && other.stream !== pool.stream) {
        problems.push({
          path: ['pools', name, 'sources', index, 'source'],
          message: `"${source}" is already in the ${other.stream} pool "${other.pool}": realtime and batch share no source, so that neither waits for the other.`,
        });
      }
      users.set(source, { pool: name, stream: pool.stream });
    }
  }
  return problems;
};

const membersAreNamedOnce: Check = ({ pools }) =>
  Object.entries(pools).flatMap(([name, pool]) =>
    pool.sources.flatMap(({ source }, index) =>
      pool.sources.findIndex((member) => member.source === source) === index
        ? []
        : [
            {
              path: ['pools', name, 'sources', index, 'source'],
              message: `"${source}" is already in this pool: raise its weight instead.`,
            },
          ],
    ),
  );

/** Bytes of a user or a password, RFC 1929. */
const longestCredential = 255;

const proxiesFit: Check = ({ sources }) =>
  Object.entries(sources).flatMap(([name, { proxy, relay, address, address6 }]) => {
    if (proxy === undefined) return [];
    const path = ['sources', name, 'proxy'];
    const problems: SettingProblem[] = [];
    if (relay !== undefined) {
      problems.push({
        path,
        message: 'a relay is connected to from this machine: `relay` or `proxy`, not both.',
      });
    }
    if (proxy.protocol === 'proxy_v2' && address === undefined && address6 === undefined) {
      const message = 'a PROXY header says which address to send from: set `address`, `address6` or both.';
      problems.push({ path, message });
    }
    for (const key of ['username', 'password'] as const) {
      const value = proxy[key];
      if (value === undefined) {
        if (proxy.username !== undefined || proxy.password !== undefined) {
          problems.push({ path: [...path, key], message: 'is missing: user and password come together.' });
        }
      } else if (proxy.protocol === 'proxy_v2') {
        problems.push({
          path: [...path, key],
          message: 'the PROXY protocol knows no users: only socks5 does.',
        });
      } else if (Buffer.byteLength(value) > longestCredential) {
        const message = `is longer than ${longestCredential} bytes: SOCKS5 takes no more.`;
        problems.push({ path: [...path, key], message });
      }
    }
    return problems;
  });

const tenantPoolsFit: Check = ({ tenants, pools }) =>
  Object.entries(tenants).flatMap(([tenant, { pools: used }]) =>
    (['realtime', 'batch'] as const).flatMap((stream) => {
      const path = ['tenants', tenant, 'pools', stream];
      const pool = Object.hasOwn(pools, used[stream]) ? pools[used[stream]] : undefined;
      if (pool === undefined) {
        const hint = didYouMean(used[stream], Object.keys(pools)) || ' Add it under `pools`.';
        return [{ path, message: `there is no pool "${used[stream]}".${hint}` }];
      }
      if (pool.stream === stream) return [];
      return [{ path, message: `"${used[stream]}" is a pool of the stream ${pool.stream}, not ${stream}.` }];
    }),
  );

const keyIdsAreUnique: Check = ({ tenants }) => {
  const owners = new Map<string, string>();
  return Object.entries(tenants).flatMap(([tenant, { api_keys }]) =>
    api_keys.flatMap(({ id }, index) => {
      const owner = owners.get(id);
      owners.set(id, tenant);
      const path = ['tenants', tenant, 'api_keys', index, 'id'];
      return owner === undefined
        ? []
        : [{ path, message: `"${id}" is already a key of the tenant "${owner}".` }];
    }),
  );
};

const dkimDomainsAreUnique: Check = ({ dkim }) =>
  dkim.flatMap(({ domain, keys }, index) => {
    const problems: SettingProblem[] = [];
    if (dkim.findIndex((other) => other.domain.toLowerCase() === domain.toLowerCase()) !== index) {
      problems.push({
        path: ['dkim', index, 'domain'],
        message: `"${domain}" is there already: put all of its keys there.`,
      });
    }
    for (const [at, { selector }] of keys.entries()) {
      if (keys.findIndex((other) => other.selector === selector) === at) continue;
      const path = ['dkim', index, 'keys', at, 'selector'];
      problems.push({
        path,
        message: `"${selector}" is already a key of ${domain}: each key has a selector of its own.`,
      });
    }
    return problems;
  });

const fallbackDomainHasKeys: Check = ({ dkim, dkim_fallback_domain: domain }) => {
  const known = dkim.map((entry) => entry.domain);
  if (domain === undefined || known.includes(domain)) return [];
  const message = `no keys for "${domain}" under \`dkim\`.${didYouMean(domain, known)}`;
  return [{ path: ['dkim_fallback_domain'], message }];
};

const submissionIsSafe: Check = ({ ingest: { smtp } }) => {
  const problems: SettingProblem[] = [];
  if ((smtp.cert_file === undefined) !== (smtp.key_file === undefined)) {
    const missing = smtp.cert_file === undefined ? 'cert_file' : 'key_file';
    problems.push({
      path: ['ingest', 'smtp', missing],
      message: 'is missing: certificate and key come together.',
    });
  }
  if (smtp.allow_insecure_auth && !loopback.test(smtp.host)) {
    problems.push({
      path: ['ingest', 'smtp', 'allow_insecure_auth'],
      message: `passwords without TLS are only taken on loopback, and this listens on ${smtp.host}.`,
    });
  }
  return problems;
};

const unsubscribeHasAWay: Check = ({ unsubscribe }) =>
  unsubscribe === undefined || unsubscribe.url !== undefined || unsubscribe.mailto !== undefined
    ? []
    : [{ path: ['unsubscribe'], message: 'needs `url`, `mailto` or both.' }];

const feedbackCanBeProven: Check = ({ feedback: { smtp } }) => {
  if ((smtp.cert_file === undefined) === (smtp.key_file === undefined)) return [];
  const missing = smtp.cert_file === undefined ? 'cert_file' : 'key_file';
  return [{ path: ['feedback', 'smtp', missing], message: 'is missing: certificate and key come together.' }];
};

/** Letters that a token adds to the local part of an address, of which RFC 5321 4.5.3.1.1 allows 64. */
const tokenLetters = 45;

const unsubscribeAddressHasRoom: Check = ({ unsubscribe }) => {
  const local = unsubscribe?.mailto?.slice(0, unsubscribe.mailto.lastIndexOf('@')) ?? '';
  if (local.length + tokenLetters <= 64) return [];
  const message = `has ${local.length} characters before the "@"; with the token it must not be more than 64: ${64 - tokenLetters} at most.`;
  return [{ path: ['unsubscribe', 'mailto'], message }];
};

const warmUpsArePossible: Check = (config) => {
  const plans = [...warmUpPlans(config).keys()];
  return Object.entries(config.sources).flatMap(([name, { warm_up: warmUp }]) => {
    if (warmUp === undefined) return [];
    const path = ['sources', name, 'warm_up'];
    const problems: SettingProblem[] = [];
    if (!plans.includes(warmUp.plan)) {
      const hint = didYouMean(warmUp.plan, plans) || ' Add it under `warm_up_plans`.';
      problems.push({ path: [...path, 'plan'], message: `there is no plan "${warmUp.plan}".${hint}` });
    }
    if (!isTimeZone(warmUp.time_zone)) {
      const message = `there is no time zone "${warmUp.time_zone}": write it as "Europe/Berlin".`;
      problems.push({ path: [...path, 'time_zone'], message });
    }
    return problems;
  });
};

const plansNameProviders: Check = ({ warm_up_plans: plans }) =>
  Object.entries(plans).flatMap(([name, { first_day: firstDay }]) =>
    Object.keys(firstDay)
      .filter((isp) => !isps.some((known) => known === isp))
      .map((isp) => ({
        path: ['warm_up_plans', name, 'first_day', isp],
        message: `there is no provider "${isp}".${didYouMean(isp, isps)}`,
      })),
  );

const webhooksAreSafe: Check = ({ tenants, webhooks }) =>
  Object.entries(tenants).flatMap(([tenant, { webhooks: endpoints }]) =>
    Object.entries(endpoints ?? {}).flatMap(([name, { url }]) => {
      const path = ['tenants', tenant, 'webhooks', name];
      if (name === 'dlq') return [{ path, message: 'is the name of what is given up: take another.' }];
      if (!URL.canParse(url)) return [{ path: [...path, 'url'], message: 'is no URL.' }];
      if (webhooks.allow_http || url.startsWith('https:')) return [];
      const message = 'is not https. `webhooks.allow_http` lets it be, for trying and testing.';
      return [{ path: [...path, 'url'], message }];
    }),
  );

const checks: readonly Check[] = [
  poolMembersExist,
  membersAreNamedOnce,
  streamsShareNoSource,
  proxiesFit,
  tenantPoolsFit,
  keyIdsAreUnique,
  dkimDomainsAreUnique,
  fallbackDomainHasKeys,
  submissionIsSafe,
  warmUpsArePossible,
  plansNameProviders,
  unsubscribeHasAWay,
  unsubscribeAddressHasRoom,
  feedbackCanBeProven,
  webhooksAreSafe,
];

/** Everything that does not fit together in a configuration whose keys are each right. */
export const crossCheck = (config: Config): readonly SettingProblem[] =>
  checks.flatMap((check) => check(config));
