-- gcra: takes one unit of a quota, if there is one. The same rule as Quota::take in Rust.
--
-- The key holds the moment until which its quota is used up ahead, in microseconds since the Unix
-- epoch, and ends with that moment: from then on it says the same as no key. The clock is this
-- server's, so that nodes whose clocks differ agree. All numbers are whole and below 2^53, where
-- doubles are exact.
--
-- KEYS[1]  limit:{policy:who}
-- ARGV[1]  interval, microseconds in which one unit comes back, from 1
-- ARGV[2]  burst, units that can be used at once, from 1
--
-- Replies
--   {allowed, remaining, more_in}  allowed is 1 if a unit was taken, 0 if none was; remaining are
--                                  the units left; more_in are the microseconds until there is one
--                                  more

local interval, burst = tonumber(ARGV[1]), tonumber(ARGV[2])
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
local room = interval * burst

local used_until = tonumber(redis.call('GET', KEYS[1]) or '') or now
-- From a server whose clock was ahead of this one's, it costs one quota at the most.
local used = math.min(math.max(used_until - now, 0), room)
local allowed = 0
if used + interval <= room then
  allowed, used = 1, used + interval
end
if now + used ~= used_until then
  redis.call('SET', KEYS[1], string.format('%.0f', now + used), 'PX', string.format('%.0f', math.ceil(used / 1000)))
end

local left = room - used
local remaining = math.floor(left / interval)
return {allowed, remaining, (remaining + 1) * interval - left}
