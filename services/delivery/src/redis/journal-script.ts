/**
 * How Redis keeps the journal: hashes of at most 128 messages, so that each stays in its compact form (a listpack, before
 * Redis 7 a ziplist) and is quick to search, a bucket for each 65 s of message time. A full bucket has eight below it,
 * chosen by three bits of the id, and those again: lookups go down while the bucket is full. Entries are changed, never
 * removed, so a full bucket stays full and what lies below it stays in reach.
 *
 * Field: the last 8 bytes of the id, 62 of its random bits. Value: a decimal number, see journal.ts.
 */
import { RedisScript } from './redis-script.ts';

/** Ids of one bucket are as old, give or take this, ms. */
export const bucketMs = 65_536;
export const fieldBytes = 8;

/**
 * ARGV: seconds to live, 1: also when the bucket is there already, fields end to end, then for each field its new value,
 * or '' to look only. Answers the values before, '' where there was none.
 */
export const visitJournal = new RedisScript(`
local ttl, extend, fields = ARGV[1], ARGV[2] == '1', ARGV[3]
local capacity, width = 128, ${fieldBytes}
local answers = {}
for index = 4, #ARGV do
  local at = (index - 4) * width
  local field = string.sub(fields, at + 1, at + width)
  local key, level = KEYS[1], 0
  local was, size
  while true do
    was = redis.call('HGET', key, field)
    if was then break end
    size = redis.call('HLEN', key)
    if size < capacity or level == width - 1 then break end
    level = level + 1
    key = key .. string.byte(field, width + 1 - level) % 8
  end
  local value = ARGV[index]
  if value ~= '' then
    redis.call('HSET', key, field, value)
    if size == 0 then redis.call('EXPIRE', key, ttl) end
    if extend then
      -- What is reached through a bucket must not outlive it.
      for length = #KEYS[1], #key do redis.call('EXPIRE', string.sub(key, 1, length), ttl) end
    end
  end
  answers[index - 3] = was or ''
end
return answers
`);
