-- unmark_sold: frees those seats that are sold to the owner, and no others.
--
-- KEYS[1..n]  seats of one show, seat:{show}:label
-- ARGV[1]     owner
--
-- Replies
--   freed  how many; free ones, leases and what is sold to others are passed over

local sold = 'sold:' .. ARGV[1]

local freed = 0
for _, seat in ipairs(KEYS) do
  if redis.call('GET', seat) == sold then
    freed = freed + redis.call('DEL', seat)
  end
end
return freed
