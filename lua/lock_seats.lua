-- lock_seats: locks all seats for one owner, or none of them.
--
-- A seat's key holds its owner (a booking's id) under a lease, or "sold:" and that id. What the owner has already
-- stays the owner's; its lease is prolonged, never shortened. A sold seat is refused to all.
--
-- KEYS[1..n]  seats of one show, seat:{show}:label
-- ARGV[1]     owner
-- ARGV[2]     lease_ms, from 1
--
-- Replies
--   {1, fresh, already}           all are the owner's: so many by this call, so many before
--   {0, index, left_ms, is_sold}  KEYS[index] is another's for left_ms more; nothing was written.
--                                 is_sold is 1 or 0; left_ms is -1 for a key without an end, which
--                                 is none of ours

local owner, lease = ARGV[1], tonumber(ARGV[2])

for index, seat in ipairs(KEYS) do
  local holder = redis.call('GET', seat)
  if holder and holder ~= owner then
    local is_sold = string.sub(holder, 1, 5) == 'sold:' and 1 or 0
    return {0, index, redis.call('PTTL', seat), is_sold}
  end
end

local fresh, already = 0, 0
for _, seat in ipairs(KEYS) do
  if redis.call('SET', seat, owner, 'PX', ARGV[2], 'NX') then
    fresh = fresh + 1
  else
    already = already + 1
    if redis.call('PTTL', seat) < lease then
      redis.call('PEXPIRE', seat, ARGV[2])
    end
  end
end
return {1, fresh, already}
