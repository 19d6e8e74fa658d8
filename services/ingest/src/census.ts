/** How many ingest processes there are: each says so in Redis, and remembers the last number that it saw. */
import { randomUUID } from 'node:crypto';
import { type RedisCommands, RedisScript } from './redis-scripts.ts';

const sayEveryMs = 5_000;
/** A process that has not said so for this long is gone, ms. */
const goneAfterMs = 15_000;

/** ARGV: this process, for how long it counts (0: it leaves), ms. Answers how many there are. */
const count = new RedisScript(`
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
if tonumber(ARGV[2]) == 0 then redis.call('ZREM', KEYS[1], ARGV[1])
else redis.call('ZADD', KEYS[1], now + ARGV[2], ARGV[1]) end
redis.call('PEXPIRE', KEYS[1], 60000)
return redis.call('ZCARD', KEYS[1])
`);

export interface Census {
  /** This one included; the last known number while Redis is away. */
  readonly processes: number;
  stop(): Promise<void>;
}

export const startCensus = (redis: RedisCommands, keyPrefix: string): Census => {
  const key = `${keyPrefix}ingest-processes`;
  const self = randomUUID();
  let processes = 1;
  const say = async (forMs: number): Promise<void> => {
    const reply = await count.run(redis, key, [self, forMs]).catch(() => undefined);
    if (reply !== undefined) processes = Math.max(1, Number(reply[0]));
  };
  void say(goneAfterMs);
  const timer = setInterval(() => void say(goneAfterMs), sayEveryMs);
  timer.unref();
  return {
    get processes() {
      return processes;
    },
    stop: async () => {
      clearInterval(timer);
      await say(0);
    },
  };
};
