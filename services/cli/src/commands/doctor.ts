/** `millrace doctor`: what an installation needs, checked from here, each with what to do. */
import type { Config, RedisConnection } from '@millrace/service';
import { connectRedis } from '@millrace/service';
import { DnsResolver } from '@millrace/smtp';
import { CliError } from '../cli-error.ts';
import type { CommandContext } from '../context.ts';
import { type ClockReading, judgeClock, readClock } from '../doctor/clock-check.ts';
import { checkConfig } from '../doctor/config-check.ts';
import { checkDns } from '../doctor/dns-check.ts';
import { type Finding, failed, skipped } from '../doctor/finding.ts';
import { checkIngest } from '../doctor/ingest-check.ts';
import { checkKafka } from '../doctor/kafka-check.ts';
import { checkPorts } from '../doctor/port-check.ts';
import { checkRedis } from '../doctor/redis-check.ts';
import { checkRegistry } from '../doctor/registry-check.ts';
import type { Ending } from '../exit-codes.ts';
import type { Installation } from '../installation.ts';
import { askRegistry } from '../registry-client.ts';
import type { Colour, Terminal } from '../terminal.ts';

const quiet = { info: () => undefined, warn: () => undefined };

/** Ends as failed when a check fails; warnings do not count. */
export async function doctor(context: CommandContext): Promise<Ending> {
  const findings = await allFindings(context);
  const failures = findings.filter(({ status }) => status === 'failed').length;
  if (context.json) {
    context.terminal.line(JSON.stringify({ ok: failures === 0, findings }));
  } else {
    for (const finding of findings) showFinding(context.terminal, finding);
    context.terminal.line();
    context.terminal.line(
      failures === 0 ? 'All is well.' : `${failures} of ${findings.length} checks failed.`,
    );
  }
  return failures === 0 ? 'ok' : 'failed';
}

async function allFindings(context: CommandContext): Promise<readonly Finding[]> {
  let installation: Installation;
  try {
    installation = context.installation();
  } catch (error) {
    if (!(error instanceof CliError)) throw error;
    return [
      failed(
        'configuration',
        error.message.replace(/\.$/, ''),
        error.hint ?? 'docs/configuration.md lists every key.',
      ),
      skipped('everything else', 'needs a valid configuration'),
    ];
  }
  const { config } = installation;
  const redis = connectRedis(config, quiet);
  let redisError = 'it does not answer';
  redis.client.on('error', (error: Error) => {
    redisError = error.message || redisError;
  });
  try {
    const [kafka, registry, redisFindings, names, ingest] = await Promise.all([
      checkKafka(config),
      checkRegistry(config),
      checkRedis(redis, config.redis.url, () => redisError),
      checkNames(config),
      checkIngest(installation),
    ]);
    const clock = judgeClock(await clockReadings(installation, redis));
    return [
      ...checkConfig(installation),
      ...kafka,
      ...registry,
      ...redisFindings,
      ...ingest,
      ...clock,
      ...names,
    ];
  } finally {
    await redis.stop();
  }
}

/** DNS, then the mail servers that it leads to. */
async function checkNames(config: Config): Promise<readonly Finding[]> {
  const servers = config.router.dns_servers;
  const resolver = new DnsResolver({ servers, timeoutMs: config.router.dns_timeout_ms });
  try {
    const dns = await checkDns(resolver, servers);
    return [...dns.findings, ...(await checkPorts(config, dns))];
  } finally {
    resolver.stop();
  }
}

const httpDateMs = 1_000;

async function clockReadings(
  { config, ingestUrl }: Installation,
  redis: RedisConnection,
): Promise<readonly ClockReading[]> {
  const dateOf = (text: string | null): number | undefined => (text === null ? undefined : Date.parse(text));
  const questions = [
    readClock('Redis', 0, async () => {
      const [seconds, micros] = await redis.client.time();
      return Number(seconds) * 1_000 + Number(micros) / 1_000;
    }),
    readClock('the registry', httpDateMs, async () =>
      dateOf((await askRegistry(config.registry, '/subjects')).date),
    ),
    readClock('ingest', httpDateMs, async () => {
      const response = await fetch(`${ingestUrl}/healthz`, { signal: AbortSignal.timeout(5_000) });
      await response.arrayBuffer();
      return dateOf(response.headers.get('date'));
    }),
  ];
  const readings = await Promise.allSettled(questions);
  // Who does not answer has a check of its own.
  return readings.flatMap((reading) =>
    reading.status === 'fulfilled' && reading.value !== undefined ? [reading.value] : [],
  );
}

const marks: Readonly<Record<Finding['status'], readonly [string, Colour]>> = {
  ok: ['ok', 'green'],
  warning: ['warning', 'yellow'],
  failed: ['FAILED', 'red'],
  skipped: ['skipped', 'gray'],
};

function showFinding(terminal: Terminal, { check, status, what, todo }: Finding): void {
  const [mark, colour] = marks[status];
  terminal.line(`${terminal.paint(colour, mark.padEnd(8))} ${check.padEnd(14)} ${what}`);
  if (todo !== undefined && todo !== '') terminal.line(`${' '.repeat(24)}${terminal.paint('gray', todo)}`);
}
