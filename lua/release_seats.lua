-- release_seats: frees those seats that are under the owner's lease, and no others.
--
-- KEYS[1..n]  seats of one show, seat:{show}:label
-- ARGV[1]     owner
--
-- Replies
--   released  how many; free ones, others' and sold ones are passed over

local owner = ARGV[1]

local released = 0
for _, seat in ipairs(KEYS) do
  if redis.call('GET', seat) == owner then
    released = released + redis.call('DEL', seat)
  end
end
return released
