import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';
import { startApi } from './api.ts';
import { Arrivals } from './arrivals.ts';
import { parseBehaviour } from './behaviour.ts';
import { Behaviours, checkIspName, parseBehaviours } from './behaviours.ts';
import { Certificates } from './certificates.ts';
import { DnsServer } from './dns-server.ts';
import { messageIdOf } from './header-fields.ts';
import { IspServer, type IspServerOptions } from './isp-server.ts';
import { behaviourNames, ispDefinitions } from './isps.ts';
import { Later } from './later/later.ts';
import { MessageStore } from './message-store.ts';
import type { Sandbox, SandboxOptions } from './options.ts';
import { seededRandom } from './seeded-random.ts';
import { type SandboxStats, snapshotAll } from './statistics.ts';
import { isAuthentic, Verifier } from './verification.ts';
import { Zone } from './zone.ts';

const headerBytes = 32_768;
const portTries = 20;

/**
 * Starts DNS, the SMTP servers of all ISPs, and the page with its API; resolves when all of them listen.
 * Throws BehaviourError and ZoneError for wrong options, and the socket's error when a given port is taken.
 */
export async function startSandbox(options: SandboxOptions = {}): Promise<Sandbox> {
  const random = seededRandom(options.seed ?? randomInt(2 ** 32));
  const behaviours = new Behaviours(parseBehaviours(options.behaviours ?? {}));
  const zone = new Zone(ispDefinitions);
  zone.publish(options.publish ?? []);
  const report = options.onProblem ?? (() => undefined);
  const keep = options.keep ?? 'all';
  const store = new MessageStore(keep, options.keepMessages ?? 10_000, options.keepBytes ?? 67_108_864);
  const arrivals = new Arrivals(options.keepArrivals ?? 200_000);
  const verifier = new Verifier(options.verify ?? 'all', zone, (error) => report('verification', error));
  const certificates = await Certificates.open(options.stateDirectory, Date.now());
  const dns = new DnsServer(zone);
  const later =
    options.answers === undefined ? undefined : new Later({ ...options.answers, random, onProblem: report });
  let accepted = 0;
  let since = Date.now();

  const shared: IspServerOptions = {
    certificates,
    keepBytes: keep === 'all' || verifier.mode !== 'off' ? Number.POSITIVE_INFINITY : headerBytes,
    now: Date.now,
    random,
    authentic: async (mail) => isAuthentic(await verifier.verify(mail, mail.content())),
    accept: (mail, server, mxHost) => {
      const isp = server.definition;
      accepted++;
      const id = `${isp.name}-${accepted.toString(36)}${randomInt(2 ** 32).toString(36)}`;
      const precise = performance.timeOrigin + performance.now();
      arrivals.add(precise, isp.name, mail.rcptTo[0] ?? '', messageIdOf(mail.header()));
      const due = verifier.enqueue(mail, (auth) => {
        const dkim = auth.dkim?.map((signature) => signature.result) ?? [];
        server.counters.authenticated({
          ...(auth.spf ? { spf: auth.spf.result } : {}),
          ...(auth.dmarc ? { dmarc: auth.dmarc.result } : {}),
          dkim: auth.state === 'done' && dkim.length === 0 ? ['none'] : dkim,
        });
        store.authenticated(id, auth);
      });
      store.add(
        { id, isp: isp.name, mxHost, receivedAt: Math.floor(precise), receivedAtPrecise: precise, mail },
        { state: due ? 'pending' : 'skipped' },
      );
      later?.taken(mail, server.behaviour, mxHost);
      return id;
    },
    failed: (error, isp) => report(isp.name, error),
  };
  const servers = new Map(
    ispDefinitions.map((isp) => [isp.name, new IspServer(isp, behaviours.of(isp), shared)] as const),
  );
  const apply = async () => {
    await Promise.all([...servers.values()].map((server) => server.behave(behaviours.of(server.definition))));
  };
  const stopAll = async () => {
    verifier.stop();
    await later?.stop();
    await Promise.all([...servers.values()].map((server) => server.stop()));
    await dns.stop();
  };

  const stats = (): SandboxStats => {
    const now = Date.now();
    return {
      since,
      now,
      accepted,
      kept: store.usage,
      verification: verifier.usage,
      dns: { queries: dns.queries, answers: { ...dns.answers } },
      isps: snapshotAll(servers, now),
    };
  };

  try {
    const smtpPort = await listenAll([...servers.values()], options.smtpPort ?? 0);
    await dns.listen(options.dnsPort ?? 0);
    const dnsServer = `127.0.0.1:${dns.port}`;
    const core = {
      smtpPort,
      dnsPort: dns.port,
      dnsServer,
      ca: certificates.ca,
      caFile: certificates.caFile,
      addresses: Object.fromEntries(
        ispDefinitions.map((isp) => [isp.name, isp.hosts.map((host) => host.address)]),
      ),
      publish: (...records: Parameters<Sandbox['publish']>) => zone.publish(records),
      behave: async (isp: string, input: unknown) => {
        checkIspName(isp);
        behaviours.change(isp, parseBehaviour(input));
        await apply();
      },
      resetBehaviour: async (isp?: string) => {
        behaviours.reset(isp);
        await apply();
      },
      messages: (query = {}) => store.find(query),
      source: (id: string) => store.source(id),
      answers: () => later?.answers ?? [],
      stats,
      clear: () => {
        later?.clear();
        store.clear();
        arrivals.clear();
        accepted = 0;
        since = Date.now();
        for (const server of servers.values()) {
          server.counters.clear();
          server.gate.forget();
        }
      },
    } satisfies Omit<Sandbox, 'stop' | 'httpPort' | 'url'>;
    const api = await startApi(
      {
        ...core,
        zone,
        store,
        arrivals,
        behaviourOf: (name) => {
          checkIspName(name);
          const isp = ispDefinitions.find((one) => one.name === name || one.group === name);
          return isp && behaviours.of(isp);
        },
        behaviourNames,
      },
      { host: options.http?.host ?? '127.0.0.1', port: options.http?.port ?? 0 },
    );
    return {
      ...core,
      httpPort: api.port,
      url: api.url,
      stop: async () => {
        await api.stop();
        await stopAll();
      },
    };
  } catch (error) {
    await stopAll();
    throw error;
  }
}

// All hosts share one port number, so a free one must be free on every address.
async function listenAll(servers: readonly IspServer[], wanted: number): Promise<number> {
  for (let attempt = 1; ; attempt++) {
    const port = wanted === 0 ? await freePort() : wanted;
    const opened = await Promise.allSettled(servers.map((server) => server.listen(port)));
    const failure = opened.find((result) => result.status === 'rejected');
    if (!failure) return port;
    await Promise.all(servers.map((server) => server.stop()));
    if (wanted !== 0 || attempt === portTries) throw failure.reason;
  }
}

async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve, reject) => {
    probe.once('error', reject).listen({ port: 0, host: '127.0.1.10' }, resolve);
  });
  const address = probe.address();
  await new Promise<void>((resolve) => {
    probe.close(() => resolve());
  });
  return typeof address === 'object' && address ? address.port : 0;
}
