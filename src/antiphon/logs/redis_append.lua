-- Append to many turns at once. MARK (which server process this is) is put before this text when it is loaded:
-- a server that was started anew does not know the script under that mark and says so.
--
-- KEYS: for each entry its turn's state (hash) and its turn's chunks (stream); at last the ended turns (zset).
-- ARGV: TTL of a turn in s; the entries in MessagePack, each as {turn, epoch, first, the number after its last
-- chunk, whether that ends the turn, chunks as JSON}: one argument, as the driver takes 1 µs for each.
-- Returns for each entry 0, 1 or 2: done, fenced or behind.
local DONE, FENCED, BEHIND = 0, 1, 2
local ttl = ARGV[1]
local ended_key = KEYS[#KEYS]
local now = nil

local function append(state, stream, turn, epoch, first, after, ends, chunks)
  local known = redis.call('HMGET', state, 'epoch', 'next', 'mark', 'ended')
  local fresh = not known[1]
  local next_chunk = tonumber(known[2] or 0)
  if fresh then
    if epoch ~= 1 or first ~= 0 then return BEHIND end
    redis.call('DEL', stream)
  else
    local newest = tonumber(known[1])
    if epoch < newest then return FENCED end
    if epoch > newest then return BEHIND end
  end
  if after <= next_chunk then return DONE end
  if known[4] then return FENCED end
  if first > next_chunk then return BEHIND end
  -- An entry may begin with chunks that are there already: readers count back from its id. A stream that is
  -- gone while its state is there was evicted.
  if next_chunk == 0 then
    redis.call('XADD', stream, after .. '-0', 'c', chunks)
    redis.call('EXPIRE', stream, ttl)
  elseif not redis.call('XADD', stream, 'NOMKSTREAM', after .. '-0', 'c', chunks) then
    return BEHIND
  end
  if known[3] == MARK then
    redis.call('HSET', state, 'next', after)
  else
    redis.call('HSET', state, 'epoch', epoch, 'next', after, 'mark', MARK)
    redis.call('EXPIRE', state, ttl)
  end
  if ends then
    if not now then
      local time = redis.call('TIME')
      now = time[1] * 1000 + math.floor(time[2] / 1000)
    end
    redis.call('HSET', state, 'ended', 1)
    redis.call('ZADD', ended_key, now, turn)
    redis.call('EXPIRE', ended_key, ttl)
    redis.call('EXPIRE', state, ttl)
    redis.call('EXPIRE', stream, ttl)
  end
  return DONE
end

local told = {}
for i, entry in ipairs(cmsgpack.unpack(ARGV[2])) do
  told[i] = append(KEYS[2 * i - 1], KEYS[2 * i], unpack(entry))
end
return told
