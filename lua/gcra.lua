-- May a key go on under its quota? The generic cell rate algorithm; the same as Quota::take of the domain.
--
-- KEYS[1]  limit:{policy:who}
-- ARGV[1]  interval: microseconds in which one unit comes back
-- ARGV[2]  burst: units that can be used at once
--
-- reply    {allowed, remaining, more_in}
--   allowed    1: one unit was taken; 0: none was
--   remaining  units that are left for use at once
--   more_in    microseconds until there is one more
--
-- The clock is this server's, so that nodes whose clocks differ agree. All numbers are whole and below
-- 2^53, where doubles are exact. The key holds the moment until which its quota is used up ahead, and
-- ends when that has passed: then it says the same as no key.

local interval = tonumber(ARGV[1])
local burst = tonumber(ARGV[2])
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
local room = interval * burst

local used_until = tonumber(redis.call('GET', KEYS[1]) or '') or now
-- A moment too far ahead is from a server whose clock was ahead: it costs one quota at the most.
local used = math.min(math.max(used_until - now, 0), room)
local allowed = 0
if used + interval <= room then
  allowed = 1
  used = used + interval
end

if used > 0 and now + used ~= used_until then
  local keep = math.ceil(used / 1000)
  redis.call('SET', KEYS[1], string.format('%.0f', now + used), 'PX', string.format('%.0f', keep))
end

local left = room - used
local remaining = math.floor(left / interval)
return {allowed, remaining, (remaining + 1) * interval - left}
