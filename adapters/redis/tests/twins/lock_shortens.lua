-- Sets the lease without regard to what is left of it.
local fresh, already = 0, 0
for index, seat in ipairs(KEYS) do
  local holder = redis.call('GET', seat)
  if holder and holder ~= ARGV[1] then
    return {0, index, redis.call('PTTL', seat), string.sub(holder, 1, 5) == 'sold:' and 1 or 0}
  end
  if holder then already = already + 1 else fresh = fresh + 1 end
end
for _, seat in ipairs(KEYS) do redis.call('SET', seat, ARGV[1], 'PX', ARGV[2]) end
return {1, fresh, already}
