-- lock_any: locks the first n free seats of several candidates, or none of them.
--
-- For areas without labels, where any will do. What is locked is passed over, by the same owner too;
-- so is what is sold. A candidate that is named twice is one seat.
--
-- KEYS[1..n]  candidates, of one show, seat:{show}:label
-- ARGV[1]     owner
-- ARGV[2]     lease_ms, from 1
-- ARGV[3]     count, how many seats
--
-- Replies
--   {1, index...}  so many as asked for: KEYS[index] of each, ascending
--   {0, free}      only so many are free; nothing was written

local owner, count = ARGV[1], tonumber(ARGV[3])

local reply, seen = {1}, {}
for index, seat in ipairs(KEYS) do
  if #reply > count then
    break
  end
  if not seen[seat] and not redis.call('GET', seat) then
    reply[#reply + 1] = index
  end
  seen[seat] = true
end

if #reply <= count then
  return {0, #reply - 1}
end
for n = 2, #reply do
  redis.call('SET', KEYS[reply[n]], owner, 'PX', ARGV[2])
end
return reply
