-- Takes a candidate that is named twice for two.
local reply = {1}
for index, seat in ipairs(KEYS) do
  if #reply <= tonumber(ARGV[3]) and not redis.call('GET', seat) then reply[#reply + 1] = index end
end
if #reply <= tonumber(ARGV[3]) then return {0, #reply - 1} end
for n = 2, #reply do redis.call('SET', KEYS[reply[n]], ARGV[1], 'PX', ARGV[2]) end
return reply
