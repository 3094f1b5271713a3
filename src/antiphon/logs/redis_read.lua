-- Read what follows in many turns. One text a turn, as the driver takes 15 µs for each entry and its fields.
--
-- KEYS: the turns' chunks (streams). ARGV: for each the number of chunks received.
-- Returns for each the JSON [[the number after the entry's last chunk, [the entry's chunks]], ...].
local texts = {}
for i, stream in ipairs(KEYS) do
  local parts = {}
  for n, entry in ipairs(redis.call('XRANGE', stream, ARGV[i] + 1 .. '-0', '+')) do
    parts[n] = '[' .. string.sub(entry[1], 1, -3) .. ',' .. entry[2][2] .. ']'
  end
  texts[i] = '[' .. table.concat(parts, ',') .. ']'
end
return texts
