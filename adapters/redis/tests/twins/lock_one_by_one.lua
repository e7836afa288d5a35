-- Keeps what it won before it lost.
for index, seat in ipairs(KEYS) do
  local holder = redis.call('GET', seat)
  if holder and holder ~= ARGV[1] then
    return {0, index, redis.call('PTTL', seat), string.sub(holder, 1, 5) == 'sold:' and 1 or 0}
  end
  redis.call('SET', seat, ARGV[1], 'PX', ARGV[2])
end
return {1, #KEYS, 0}
