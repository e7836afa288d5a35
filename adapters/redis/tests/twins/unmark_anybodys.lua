-- Frees what is sold, to whomever.
local freed = 0
for _, seat in ipairs(KEYS) do
  local holder = redis.call('GET', seat)
  if holder and string.sub(holder, 1, 5) == 'sold:' then freed = freed + redis.call('DEL', seat) end
end
return freed
