-- Locks while it counts, and leaves locked what is not enough.
local reply = {1}
for index, seat in ipairs(KEYS) do
  if #reply <= tonumber(ARGV[3]) and redis.call('SET', seat, ARGV[1], 'PX', ARGV[2], 'NX') then
    reply[#reply + 1] = index
  end
end
if #reply <= tonumber(ARGV[3]) then return {0, #reply - 1} end
return reply
