-- A sale that looks like a lease: its buyer may release it.
local marked = 0
for _, seat in ipairs(KEYS) do
  local holder = redis.call('GET', seat)
  if not holder or holder == ARGV[1] then
    redis.call('SET', seat, ARGV[1], 'PX', ARGV[2])
    marked = marked + 1
  end
end
return marked
