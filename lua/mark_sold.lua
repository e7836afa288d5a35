-- mark_sold: marks those seats as sold to the owner that are free, or the owner's by lease or sale.
--
-- A sold seat is refused to all buyers without reading the log. The mark expires by itself; marking
-- again prolongs it and never shortens it.
--
-- KEYS[1..n]  seats of one show, seat:{show}:label
-- ARGV[1]     owner
-- ARGV[2]     keep_ms, from 1
--
-- Replies
--   marked  how many are sold to the owner now; others' are passed over

local owner, sold, keep = ARGV[1], 'sold:' .. ARGV[1], tonumber(ARGV[2])

local marked = 0
for _, seat in ipairs(KEYS) do
  local holder = redis.call('GET', seat)
  if not holder then
    redis.call('SET', seat, sold, 'PX', ARGV[2])
    marked = marked + 1
  elseif holder == owner or holder == sold then
    if redis.call('PTTL', seat) < keep then
      redis.call('SET', seat, sold, 'PX', ARGV[2])
    else
      redis.call('SET', seat, sold, 'KEEPTTL')
    end
    marked = marked + 1
  end
end
return marked
