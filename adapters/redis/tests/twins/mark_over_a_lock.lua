-- Sells over another's lock.
for _, seat in ipairs(KEYS) do redis.call('SET', seat, 'sold:' .. ARGV[1], 'PX', ARGV[2]) end
return #KEYS
