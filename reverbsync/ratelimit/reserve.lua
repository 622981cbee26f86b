-- Reserve one call in every named budget, or in none, and return when it may be made.
--
-- KEYS: three for each budget: the log of its calls (a sorted set by time), the time from which the next call is due
-- when calls are spread, and the throttle (a hash: until, share, from).
-- ARGV: the time in microseconds ('' uses Redis' clock, which all machines share), the call's name, how long the caller
-- would wait (negative: only query), the time in which a throttled budget recovers from nothing to the whole, and how
-- many calls to reserve in all, where the others must need no wait. Then for each budget: its calls a minute, its calls
-- in ten minutes (0: no such limit), and how early a call may come before its even spacing (negative: such calls are
-- not spread). All times are in microseconds.
-- Returns {n, wait}: n are reserved, call after the wait; or {0, wait}: none, it would be possible after the wait. The
-- first has the name, the others are called name+2, name+3 and so on.
--
-- A minute is counted half a second longer than it is, ten minutes two seconds: calls take time to arrive. A call that
-- takes longer is counted again when its response arrives (limiter.answered).
local MINUTE, TEN_MINUTES = 60500000, 602000000
local now = tonumber(ARGV[1])
if not now then
  local clock = redis.call('TIME')
  now = tonumber(clock[1]) * 1000000 + tonumber(clock[2])
end
local patience, climb = tonumber(ARGV[3]), tonumber(ARGV[4])

-- The time at which the window has room again: when the call that filled it leaves it.
local function room(log, limit, window)
  local index = -math.max(1, math.floor(limit))
  local filled = redis.call('ZRANGE', log, index, index, 'WITHSCORES')
  return filled[2] and tonumber(filled[2]) + window or 0
end

local due, spacing = {}, {}

-- The time at which all budgets allow the next call.
local function moment()
  local at = now
  for n = 1, #KEYS / 3 do
    local log, spread, throttle = KEYS[3 * n - 2], KEYS[3 * n - 1], KEYS[3 * n]
    local per_minute, per_ten_minutes, early = tonumber(ARGV[3 * n + 3]), tonumber(ARGV[3 * n + 4]), tonumber(ARGV[3 * n + 5])
    local state = redis.call('HMGET', throttle, 'until', 'share', 'from')
    local share = 1
    if state[2] then
      share = math.min(1, tonumber(state[2]) + math.max(0, now - tonumber(state[3])) / climb)
    end
    redis.call('ZREMRANGEBYSCORE', log, '-inf', now - (per_ten_minutes > 0 and TEN_MINUTES or MINUTE))
    at = math.max(at, tonumber(state[1] or 0), room(log, per_minute * share, MINUTE))
    if per_ten_minutes > 0 then
      at = math.max(at, room(log, per_ten_minutes * share, TEN_MINUTES))
    end
    spacing[n] = MINUTE / math.max(1, per_minute * share)
    if early >= 0 then
      due[n] = tonumber(redis.call('GET', spread) or '0')
      at = math.max(at, due[n] - early)
    end
  end
  return at
end

local function take(at, name)
  for n = 1, #KEYS / 3 do
    local per_ten_minutes = tonumber(ARGV[3 * n + 4])
    redis.call('ZADD', KEYS[3 * n - 2], string.format('%.0f', at), name)
    redis.call('PEXPIRE', KEYS[3 * n - 2], per_ten_minutes > 0 and 700000 or 150000)
    if due[n] then
      redis.call('SET', KEYS[3 * n - 1], string.format('%.0f', math.max(due[n], now) + spacing[n]), 'PX', 150000)
    end
  end
end

local at = moment()
local wait = string.format('%.0f', math.ceil(at - now))
if at - now > patience then
  return {0, wait}
end
take(at, ARGV[2])
local taken = 1
while taken < tonumber(ARGV[5]) and at <= now and moment() <= now do
  taken = taken + 1
  take(now, ARGV[2] .. '+' .. taken)
end
return {taken, wait}
