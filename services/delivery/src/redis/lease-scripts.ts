/**
 * What Redis does for connection leases. Of a lane `{lane}` three sorted sets are kept:
 *   leases   `<worker>/<n>` by when it expires, ms
 *   waiting  worker by its turn, ms
 *   seen     worker by when it last asked, ms
 *
 * Who has the fewest connections of the lane is first; among those whoever came first, or whose mail was due first.
 * Who is told what goes by PUBLISH to the worker's own channel: `free` to whoever may take a connection now, `wait` to
 * all who hold one whenever somebody begins to wait or has got what was waited for.
 */
import { luaNowUs, RedisScript } from './redis-script.ts';

/** After this a waiting worker that did not ask again waits no more, ms. */
export const waiterTtlMs = 3_000;

const shared = `${luaNowUs}
local leases, waiting, seen = KEYS[1], KEYS[2], KEYS[3]
local channel = ARGV[1]
local now = math.floor(now_us() / 1000)
redis.call('ZREMRANGEBYSCORE', leases, '-inf', now)
for _, gone in ipairs(redis.call('ZRANGEBYSCORE', seen, '-inf', now - ${waiterTtlMs})) do
  redis.call('ZREM', waiting, gone)
  redis.call('ZREM', seen, gone)
end

-- Connections held, by worker.
local held, total = {}, 0
local function count_leases()
  held, total = {}, 0
  for _, lease in ipairs(redis.call('ZRANGE', leases, 0, -1)) do
    local worker = string.match(lease, '^(.*)/')
    held[worker] = (held[worker] or 0) + 1
    total = total + 1
  end
end
count_leases()

-- Those who wait, the first in line first.
local function queue()
  local list = {}
  local flat = redis.call('ZRANGE', waiting, 0, -1, 'WITHSCORES')
  for index = 1, #flat, 2 do
    list[#list + 1] = { worker = flat[index], turn = tonumber(flat[index + 1]), held = held[flat[index]] or 0 }
  end
  table.sort(list, function(a, b)
    if a.held ~= b.held then return a.held < b.held end
    if a.turn ~= b.turn then return a.turn < b.turn end
    return a.worker < b.worker
  end)
  return list
end

-- How many connections each waiter has, as text.
local function wants(list)
  local counts = {}
  for index, waiter in ipairs(list) do counts[index] = waiter.held end
  return table.concat(counts, ',')
end

local function tell_holders(list)
  local text = 'wait\\n' .. ARGV[2] .. '\\n' .. wants(list)
  for worker in pairs(held) do redis.call('PUBLISH', channel .. worker, text) end
end

local function tell_next(list, limit)
  for index = 1, math.min(#list, limit - total) do
    redis.call('PUBLISH', channel .. list[index].worker, 'free\\n' .. ARGV[2])
  end
end

local function keep(ttl)
  redis.call('PEXPIRE', leases, ttl + 1000)
  redis.call('PEXPIRE', waiting, ttl + 1000)
  redis.call('PEXPIRE', seen, ttl + 1000)
end
`;

/**
 * ARGV: channel prefix, lane, limit, ttl ms, worker, lease, deadline ms. Answers {1, held counts of those who wait}
 * when the lease is granted, else {0, ''} and the worker waits in line.
 */
export const acquireLease = new RedisScript(`${shared}
local limit, ttl, me, lease, deadline = tonumber(ARGV[3]), tonumber(ARGV[4]), ARGV[5], ARGV[6], tonumber(ARGV[7])
local turn = math.min(now, deadline)
local was = redis.call('ZSCORE', waiting, me)
if not was or turn < tonumber(was) then redis.call('ZADD', waiting, turn, me) end
redis.call('ZADD', seen, now, me)
local list = queue()
local ahead = 0
while list[ahead + 1].worker ~= me do ahead = ahead + 1 end
if limit - total > ahead then
  redis.call('ZADD', leases, now + ttl, lease)
  redis.call('ZREM', waiting, me)
  redis.call('ZREM', seen, me)
  count_leases()
  list = queue()
  if was then tell_holders(list) end
  keep(ttl)
  return {1, wants(list)}
end
if not was then tell_holders(list) end
keep(ttl)
return {0, ''}
`);

/** ARGV: channel prefix, lane, limit, worker, lease. Wakes those who are next. */
export const releaseLease = new RedisScript(`${shared}
redis.call('ZREM', leases, ARGV[5])
count_leases()
tell_next(queue(), tonumber(ARGV[3]))
return {}
`);

/** ARGV: channel prefix, lane, worker. The worker wants no connection any more. */
export const leaveQueue = new RedisScript(`${shared}
if redis.call('ZREM', waiting, ARGV[3]) == 1 then
  redis.call('ZREM', seen, ARGV[3])
  tell_holders(queue())
end
return {}
`);

/**
 * ARGV: channel prefix, lane, limit, ttl ms, leases. Makes all of a worker's leases of the lane last; one that had run
 * out is taken again while there is room. Answers the held counts of those who wait, how many connections there are
 * above the limit, and the leases that are lost.
 */
export const renewLeases = new RedisScript(`${shared}
local limit, ttl, lost = tonumber(ARGV[3]), tonumber(ARGV[4]), {}
for index = 5, #ARGV do
  if redis.call('ZSCORE', leases, ARGV[index]) then
    redis.call('ZADD', leases, now + ttl, ARGV[index])
  elseif total < limit then
    redis.call('ZADD', leases, now + ttl, ARGV[index])
    total = total + 1
  else
    lost[#lost + 1] = ARGV[index]
  end
end
count_leases()
keep(ttl)
local list = queue()
tell_next(list, limit)
return {wants(list), math.max(0, total - limit), unpack(lost)}
`);
