-- SET NX and nothing else.
for index, seat in ipairs(KEYS) do
  local holder = redis.call('GET', seat)
  if holder then
    return {0, index, redis.call('PTTL', seat), string.sub(holder, 1, 5) == 'sold:' and 1 or 0}
  end
end
for _, seat in ipairs(KEYS) do redis.call('SET', seat, ARGV[1], 'PX', ARGV[2]) end
return {1, #KEYS, 0}
