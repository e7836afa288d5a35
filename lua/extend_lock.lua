-- extend_lock: prolongs the owner's lease on all seats, or on none of them. Shortens none.
--
-- KEYS[1..n]  seats of one show, seat:{show}:label
-- ARGV[1]     owner
-- ARGV[2]     lease_ms, from 1, counted from now
--
-- Replies
--   {1, n}      the owner has all n for that long, or for longer
--   {0, index}  KEYS[index] is not under the owner's lease (free, another's, or sold); nothing was
--               extended

local owner, lease = ARGV[1], tonumber(ARGV[2])

for index, seat in ipairs(KEYS) do
  if redis.call('GET', seat) ~= owner then
    return {0, index}
  end
end
for _, seat in ipairs(KEYS) do
  if redis.call('PTTL', seat) < lease then
    redis.call('PEXPIRE', seat, ARGV[2])
  end
end
return {1, #KEYS}
