-- Take one call from every named budget, or from none, and say how long to wait.
--
-- KEYS: pairs of (theoretical arrival time, end of a block) keys, one pair a budget.
-- ARGV: the time in microseconds ('' takes Redis' own, which all machines share), then for each budget its spacing
-- and its burst allowance in microseconds.
-- Answer: 0 when taken, else the microseconds until it is worth asking again.
--
-- Each budget is a generic cell rate algorithm: calls are `spacing` apart on average, and may come early by
-- as much as `burst`.
local now = tonumber(ARGV[1])
if not now then
  local clock = redis.call('TIME')
  now = tonumber(clock[1]) * 1000000 + tonumber(clock[2])
end
local wait = 0
local arrivals = {}
for i = 1, #KEYS, 2 do
  local n = (i + 1) / 2
  local spacing = tonumber(ARGV[2 * n])
  local burst = tonumber(ARGV[2 * n + 1])
  local arrival = math.max(tonumber(redis.call('GET', KEYS[i]) or '0'), now)
  wait = math.max(wait, arrival - burst - now, tonumber(redis.call('GET', KEYS[i + 1]) or '0') - now)
  arrivals[n] = arrival + spacing
end
if wait > 0 then
  return string.format('%.0f', wait)
end
for i = 1, #KEYS, 2 do
  local n = (i + 1) / 2
  redis.call('SET', KEYS[i], string.format('%.0f', arrivals[n]), 'PX', math.ceil((arrivals[n] - now) / 1000) + 60000)
end
return '0'
