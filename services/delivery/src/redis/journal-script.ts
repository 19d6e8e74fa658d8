/**
 * How Redis keeps the journal: hashes of at most 128 messages, so that each stays in its compact form (a listpack, before
 * Redis 7 a ziplist) and is quick to search. There is one for each 65 s of message time; a full one has sixteen below
 * it, chosen by four bits of the id, and those again: who looks for a message goes down while the hash is full. Entries
 * are changed, never removed, so what is full stays full and what lies below it stays in reach.
 *
 * Field: the last 8 bytes of the id, 62 of its random bits. Value: a decimal number, see journal.ts.
 */
import { RedisScript } from './redis-script.ts';

/** Ids of one bucket are as old, give or take this, ms. */
export const bucketMs = 65_536;
export const fieldBytes = 8;

/**
 * ARGV: seconds to live, 1: also of what is there already, fields end to end, then a text for each field: its new value,
 * with the depth at which it was last looked for as in `17@3`; or '' to look only. Where a positive value is, an end, it is
 * not replaced by a beginning or by nothing; a value after a question mark only replaces nothing. Answers a list of what was before, '' for nothing, then of the depths.
 */
export const visitJournal = new RedisScript(`
local ttl, extend, fields = ARGV[1], ARGV[2] == '1', ARGV[3]
local capacity, width = 128, ${fieldBytes}
local digits = '0123456789abcdef'
local top = KEYS[1]
local full = {}

local function is_end(value)
  return value ~= '' and value ~= '0' and string.byte(value) ~= 45
end

local function below(key, field, depth)
  local digit = string.byte(field, width + 1 - depth) % 16 + 1
  return key .. string.sub(digits, digit, digit)
end

local function key_at(field, depth)
  local key = top
  for level = 1, depth do key = below(key, field, level) end
  return key
end

-- Where the field is or belongs, from this depth on: key, depth, value, and the size of a hash that it is not in.
local function find(field, depth)
  local key = key_at(field, depth)
  while true do
    local was = redis.call('HGET', key, field)
    if was then return key, depth, was end
    if not full[key] then
      local size = redis.call('HLEN', key)
      if size < capacity or depth == width - 1 then return key, depth, '', size end
      full[key] = true
    end
    depth = depth + 1
    key = below(key, field, depth)
  end
end

-- Changes what was found at this depth before; false: it is not there any more.
local function change(field, value, depth)
  local key = key_at(field, depth)
  if redis.call('HSET', key, field, value) == 0 then return true end
  redis.call('HDEL', key, field)
  return false
end

local values, depths = {}, {}
for index = 4, #ARGV do
  local entry = index - 3
  local field = string.sub(fields, entry * width - width + 1, entry * width)
  local value, hint = ARGV[index], nil
  local mark = string.find(value, '@', 1, true)
  if mark then
    hint = tonumber(string.sub(value, mark + 1))
    value = string.sub(value, 1, mark - 1)
  end
  values[entry], depths[entry] = '', 0
  local claims = string.byte(value) == 63
  if claims then value = string.sub(value, 2) end
  if not (hint and is_end(value) and not extend and change(field, value, hint)) then
    local key, depth, was, size = find(field, not is_end(value) and hint or 0)
    local taken = claims and was ~= '' and was ~= '0' or is_end(was) and not is_end(value)
    if value ~= '' and not taken then
      redis.call('HSET', key, field, value)
      if size == 0 then redis.call('EXPIRE', key, ttl) end
      if extend then
        -- What is reached through a hash must not outlive it.
        for length = #top, #key do redis.call('EXPIRE', string.sub(key, 1, length), ttl) end
      end
    end
    values[entry], depths[entry] = was, depth
  end
end
return {values, depths}
`);
