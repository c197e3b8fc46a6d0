"""The limiter's decisions, as scripts that Redis runs one at a time on its own clock.

All times are microseconds since the epoch by Redis' TIME, so hosts need not agree on theirs.

The account's time is cut into cells of one call each; a sorted set holds the cells that are taken,
up to the longest wait ahead. A call to a busy endpoint may thus hold a late cell without blocking
earlier ones for other endpoints. An endpoint is spaced by its own next slot: a call that the
account delays by up to half the endpoint's interval does not push the following ones, which keeps
both rates and still lets no window of a second see more than the limit.
"""

TAKE = """
local taken, endpoint_next = KEYS[1], KEYS[2]
local account_pause, endpoint_pause, last_housekeeping = KEYS[3], KEYS[4], KEYS[5]
local cell, interval = tonumber(ARGV[1]), tonumber(ARGV[2])
local wait_max, money = tonumber(ARGV[3]), ARGV[4] == '1'
local near, housekeeping_every = tonumber(ARGV[5]), tonumber(ARGV[6])

local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local function stored(key) return tonumber(redis.call('GET', key) or '0') end

local wanted = stored(endpoint_next)
local earliest = math.max(now, wanted, stored(account_pause), stored(endpoint_pause))
local first = math.floor(earliest / cell)
redis.call('ZREMRANGEBYSCORE', taken, '-inf', math.floor(now / cell) - 1)

-- The first free cell: of a run of taken ones the end is found by halving.
local free = first
if redis.call('ZSCORE', taken, string.format('%.0f', first)) then
  local low, high = 0, math.ceil(wait_max / cell) + 1
  while low < high do
    local middle = math.floor((low + high) / 2)
    local count = redis.call('ZCOUNT', taken, first, first + middle)
    if count == middle + 1 then low = middle + 1 else high = middle end
  end
  free = first + low
end
local slot = math.max(earliest, free * cell)
if slot - now > wait_max then return -1 end
if not money and slot - now > near and now - stored(last_housekeeping) < housekeeping_every then
  return -2
end

local function number(value) return string.format('%.0f', value) end
redis.call('ZADD', taken, free, number(free))
redis.call('PEXPIRE', taken, 60000)
local pace = math.max(wanted, slot - interval / 2)
redis.call('SET', endpoint_next, number(pace + interval), 'PX', 60000)
if not money then redis.call('SET', last_housekeeping, number(now), 'PX', 60000) end
return slot - now
"""
"""Returns the wait in microseconds; -1: nothing free in time; -2: housekeeping must yield."""

PAUSED = """
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
for _, key in ipairs(KEYS) do
  if tonumber(redis.call('GET', key) or '0') > now then return 1 end
end
return 0
"""
"""Returns 1 while the account or the endpoint is held back."""

PAUSE = """
local pause, strikes = KEYS[1], KEYS[2]
local first, longest, forgive = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
-- A call that was under way when the pause began tells nothing new.
if tonumber(redis.call('GET', pause) or '0') > now then return 0 end
local strike = redis.call('INCR', strikes)
local length = math.min(longest, first * 2 ^ math.min(strike - 1, 30))
redis.call('PEXPIRE', strikes, math.floor((length + forgive) / 1000))
redis.call('SET', pause, string.format('%.0f', now + length), 'PX', math.ceil(length / 1000) + 1)
return length
"""
"""Returns the length of the pause in microseconds, 0 where one was running."""
