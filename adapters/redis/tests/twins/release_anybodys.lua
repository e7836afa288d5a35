-- The classic: DEL without a look at the owner.
return redis.call('DEL', unpack(KEYS))
