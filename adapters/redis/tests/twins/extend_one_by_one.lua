-- Extends the first ones before it finds that one is lost.
for index, seat in ipairs(KEYS) do
  if redis.call('GET', seat) ~= ARGV[1] then return {0, index} end
  if redis.call('PTTL', seat) < tonumber(ARGV[2]) then redis.call('PEXPIRE', seat, ARGV[2]) end
end
return {1, #KEYS}
