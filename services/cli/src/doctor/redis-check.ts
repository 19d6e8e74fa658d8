/** Whether Redis answers, is new enough and never throws keys away. */
import type { RedisConnection } from '@millrace/service';
import { type Finding, failed, ok, warning } from './finding.ts';

const check = 'Redis';
const oldest = [6, 2] as const;
/** A machine that is short of CPU is slow to connect and all the same well. */
const connectMs = 10_000;

/** `lastError` is why it did not connect. */
export async function checkRedis(
  redis: RedisConnection,
  url: string,
  lastError: () => string,
): Promise<readonly Finding[]> {
  const shown = withoutPassword(url);
  if (!(await redis.connected(connectMs))) {
    return [
      failed(
        check,
        `no Redis at ${shown}: ${lastError()}`,
        'Check redis.url (REDIS_URL) and that it runs. Until it does, realtime goes on with a share of each limit and batch waits.',
      ),
    ];
  }
  const facts = await factsOf(redis);
  const [major = 0, minor = 0] = facts.version.split('.').map(Number);
  if (major < oldest[0] || (major === oldest[0] && minor < oldest[1])) {
    return [
      failed(check, `${shown} is Redis ${facts.version}`, `Redis ${oldest.join('.')} or newer is needed.`),
    ];
  }
  const found = ok(check, `${shown} is Redis ${facts.version}`);
  if (facts.policy === '' || facts.policy === 'noeviction') return [found];
  return [
    found,
    warning(
      check,
      `it evicts keys when memory is short (maxmemory-policy ${facts.policy}): the delivery journal could forget what was sent`,
      'Set maxmemory-policy noeviction.',
    ),
  ];
}

/** Empty texts where a managed Redis does not tell. */
async function factsOf(
  redis: RedisConnection,
): Promise<{ readonly version: string; readonly policy: string }> {
  const info = await redis.client.info();
  const value = (name: string): string => new RegExp(`^${name}:(.*)$`, 'm').exec(info)?.[1]?.trim() ?? '';
  return { version: value('redis_version') || '?', policy: value('maxmemory_policy') };
}

/** The URL without what must not be shown. */
export function withoutPassword(url: string): string {
  const parsed = URL.parse(url);
  if (parsed === null) return 'the configured address';
  parsed.password = '';
  return parsed.href;
}
