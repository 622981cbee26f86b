-- Save a throttle: no calls for a while, and after that fewer for some time.
--
-- KEYS: the throttle (a hash): until: no call before; share: part of the limits in use at the time `from`, from which
-- it recovers; at: the last request to slow down.
-- ARGV: the time in microseconds ('' uses Redis' clock), the pause, the time in which the rate recovers from nothing to
-- the whole, the time in which all responses count as one request to slow down, and the smallest share (0: keep the
-- share).
local now = tonumber(ARGV[1])
if not now then
  local clock = redis.call('TIME')
  now = tonumber(clock[1]) * 1000000 + tonumber(clock[2])
end
local pause, climb, one, least = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local state = redis.call('HMGET', KEYS[1], 'until', 'share', 'from', 'at')
local quiet = math.max(tonumber(state[1] or 0), now + pause)
redis.call('HSET', KEYS[1], 'until', string.format('%.0f', quiet))
if least > 0 then
  local share = state[2] and math.min(1, tonumber(state[2]) + math.max(0, now - tonumber(state[3])) / climb) or 1
  if not (state[4] and now - tonumber(state[4]) < one) then
    share = math.max(least, share / 2)
    redis.call('HSET', KEYS[1], 'at', string.format('%.0f', now))
  end
  redis.call('HSET', KEYS[1], 'share', tostring(share), 'from', string.format('%.0f', quiet))
end
redis.call('PEXPIRE', KEYS[1], math.ceil((quiet - now + climb) / 1000) + 60000)
return string.format('%.0f', quiet + climb)
