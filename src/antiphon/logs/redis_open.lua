-- Fence the older epochs of turns and tell which of them still have all that was ever accepted.
--
-- KEYS: what is known of this data set (hash); the ended turns (zset); then for each claim the turn's state
-- (hash) and the turn's chunks (stream).
-- ARGV: TTL of a turn in s; by how many ms clocks may differ; then for each claim: turn, epoch, created_at.
-- Returns {mark of this server process, 1 if a newer epoch has opened one of the turns (nothing is changed
-- then), for each claim the number of chunks held or -1 if some may have been lost}.
--
-- "since" in the data set's hash is a time before which turns may have lost something without a trace: when it
-- was first seen, or seen again after a start that may have forgotten something.
local function told_by(section, name)
  return string.match(redis.call('INFO', section), name .. ':([^\r\n]*)')
end

local ttl, differ = ARGV[1], tonumber(ARGV[2])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local journaled = told_by('persistence', 'aof_enabled') == '1'
-- A replica that took over may lack what its primary had accepted last.
local promoted = string.find(told_by('replication', 'master_replid2') or '', '[^0]') ~= nil
local evicts = told_by('stats', 'evicted_keys') ~= '0'
local mark = told_by('server', 'run_id') .. (journaled and ':aof' or ':rdb')

-- Whether this process has all that the one with the other mark had accepted.
local function continues(other)
  return other == mark or (journaled and not promoted and string.sub(other, -4) == ':aof')
end

for i = 3, #KEYS, 2 do
  local epoch = redis.call('HGET', KEYS[i], 'epoch')
  if epoch and tonumber(epoch) > tonumber(ARGV[1.5 * i - 0.5]) then return {mark, 1} end
end

local known = redis.call('HMGET', KEYS[1], 'mark', 'since')
local since = tonumber(known[2])
if not since or not continues(known[1]) then since = now end
if known[1] ~= mark or tonumber(known[2]) ~= since then
  redis.call('HSET', KEYS[1], 'mark', mark, 'since', since)
end

local function open(state, stream, turn, epoch, created_at)
  local found = redis.call('HMGET', state, 'next', 'mark', 'lost')
  local next_chunk = tonumber(found[1] or 0)
  local lost
  if not found[1] then
    lost = evicts or created_at < since + differ
  elseif next_chunk == 0 then
    lost = found[3] or not continues(found[2])
  else
    local last = redis.call('XREVRANGE', stream, '+', '-', 'COUNT', 1)[1]
    lost = not continues(found[2]) or not last or last[1] ~= next_chunk .. '-0'
  end
  if not found[1] or lost then
    redis.call('DEL', state, stream)
    redis.call('ZREM', KEYS[2], turn)
    next_chunk = 0
  end
  redis.call('HSET', state, 'epoch', epoch, 'next', next_chunk, 'mark', mark)
  -- Remembered until chunks are there again: this answer may get lost and be asked for again.
  if lost then redis.call('HSET', state, 'lost', 1) end
  redis.call('EXPIRE', state, ttl)
  redis.call('EXPIRE', stream, ttl)
  return lost and -1 or next_chunk
end

local held = {}
for i = 3, #KEYS, 2 do
  local at = 1.5 * i - 1.5
  held[#held + 1] =
    open(KEYS[i], KEYS[i + 1], ARGV[at], ARGV[at + 1], tonumber(ARGV[at + 2]))
end
return {mark, 0, held}
