"""The scripts that run inside Redis: one before a call, one where its request leaves later than that, and one
after it. All times are Redis' own.

Every key dies by itself. A process that dies in between leaves a lease and perhaps a probe, which
end when the call would have ended.
"""

from typing import Final

_CLOCK: Final = """
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local function left(key) return math.max(0, redis.call('PTTL', key)) end
"""

_WINDOWS: Final = """
-- Count a call in, or say when its turn is. Keys from `first` on: a log of calls and a turn for each window;
-- arguments from `first` on: calls and ms of each. A call that was counted before is counted from now on.
local function counted(first, token)
  for n = first, #KEYS, 2 do
    local most, span = tonumber(ARGV[n]), tonumber(ARGV[n + 1])
    redis.call('ZREMRANGEBYSCORE', KEYS[n], '-inf', now - span)
    redis.call('ZREM', KEYS[n], token)
    if redis.call('ZCARD', KEYS[n]) >= most then
      -- Who waits gets a turn behind those who wait already, so that they do not all come back at once.
      local oldest = tonumber(redis.call('ZRANGE', KEYS[n], 0, 0, 'WITHSCORES')[2])
      local turn = math.max(oldest + span, tonumber(redis.call('GET', KEYS[n + 1]) or '0') + span / most)
      turn = math.min(turn, now + 20 * span)
      redis.call('SET', KEYS[n + 1], string.format('%.0f', turn), 'PX', math.ceil(turn - now + span))
      return {'busy', math.ceil(turn - now) + 1, ''}
    end
  end
  for n = first, #KEYS, 2 do
    redis.call('ZADD', KEYS[n], now, token)
    redis.call('PEXPIRE', KEYS[n], ARGV[n + 1])
  end
end
"""

ADMIT: Final = (
    _CLOCK
    + _WINDOWS
    + """
-- KEYS: 1 stop, 2 pause, 3 breaker, 4 leases, then a log of calls and a turn for each window
-- ARGV: 1 token, 2 lease ms, 3 leases at most, 4 ask the breaker and the stop ('1'), then calls and
--       ms of each window
local lease, probe = tonumber(ARGV[2]), 0
if ARGV[4] == '1' then
  if left(KEYS[1]) > 0 then return {'stopped', left(KEYS[1]), redis.call('GET', KEYS[1])} end
  local found = redis.call('HMGET', KEYS[3], 'until', 'probe')
  if found[1] then
    -- Open; afterwards half open: one call at a time may try.
    local wait = math.max(tonumber(found[1]), tonumber(found[2] or '0')) - now
    if wait > 0 then return {'open', wait, ''} end
    probe = 1
  end
end
if left(KEYS[2]) > 0 then return {'paused', left(KEYS[2]), ''} end
redis.call('ZREMRANGEBYSCORE', KEYS[4], '-inf', now)
if redis.call('ZCARD', KEYS[4]) >= tonumber(ARGV[3]) then return {'full', 1000, ''} end
local busy = counted(5, ARGV[1])
if busy then return busy end
redis.call('ZADD', KEYS[4], now + lease, ARGV[1])
redis.call('PEXPIRE', KEYS[4], math.max(lease, left(KEYS[4])))
if probe == 1 then redis.call('HSET', KEYS[3], 'probe', string.format('%.0f', now + lease)) end
return {'go', probe, ''}
"""
)

LEAVE: Final = (
    _CLOCK
    + _WINDOWS
    + """
-- A call that was admitted leaves only now, after what had to be made ready for it.
-- KEYS: 1 stop, 2 pause, then as ADMIT from its fifth on
-- ARGV: 1 token, 2 ask the stop ('1'), then as ADMIT from its fifth on
if ARGV[2] == '1' and left(KEYS[1]) > 0 then
  return {'stopped', left(KEYS[1]), redis.call('GET', KEYS[1])}
end
if left(KEYS[2]) > 0 then return {'paused', left(KEYS[2]), ''} end
return counted(3, ARGV[1]) or {'go', 0, ''}
"""
)

SETTLE: Final = """
-- KEYS: 1 stop, 2 pause, 3 breaker, 4 leases
-- ARGV: 1 token, 2 verdict (good, bad, gone, neutral), 3 was a probe ('1'), 4 pause ms, 5 stop ms, 6 why,
--       7 window ms, 8 failures, 9 share in percent, 10 open ms, 11 open ms at most, 12 gone ms
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
redis.call('ZREM', KEYS[4], ARGV[1])
local pause, stop = tonumber(ARGV[4]), tonumber(ARGV[5])
if pause > redis.call('PTTL', KEYS[2]) and pause > 0 then redis.call('SET', KEYS[2], ARGV[6], 'PX', pause) end
if stop > 0 then redis.call('SET', KEYS[1], ARGV[6], 'PX', stop) end
local verdict, probe = ARGV[2], ARGV[3] == '1'
local found = redis.call('HMGET', KEYS[3], 'until', 'opens', 'since', 'good', 'bad')
local open = found[1]

local function trip(ms)
  local opens = tonumber(found[2] or '0') + 1
  redis.call('DEL', KEYS[3])
  redis.call('HSET', KEYS[3], 'until', string.format('%.0f', now + ms), 'opens', opens)
  redis.call('PEXPIRE', KEYS[3], ms + 2 * tonumber(ARGV[11]))
  return {'opened', ms}
end
local function longer()
  return math.min(tonumber(ARGV[10]) * 2 ^ tonumber(found[2] or '0'), tonumber(ARGV[11]))
end

if verdict == 'gone' then return trip(tonumber(ARGV[12])) end
if open then
  -- What was asked before it opened says nothing new; the probe decides.
  if not probe then return {'', 0} end
  if verdict == 'bad' then return trip(longer()) end
  if verdict == 'good' then redis.call('DEL', KEYS[3]) return {'closed', 0} end
  redis.call('HDEL', KEYS[3], 'probe')
  return {'', 0}
end
if verdict == 'neutral' then return {'', 0} end
local since, good, bad = tonumber(found[3] or '0'), tonumber(found[4] or '0'), tonumber(found[5] or '0')
if now - since > tonumber(ARGV[7]) then good, bad, since = 0, 0, now end
if verdict == 'good' then
  -- Nothing is written for a model that has not failed lately.
  if bad > 0 then redis.call('HINCRBY', KEYS[3], 'good', 1) end
  return {'', 0}
end
bad = bad + 1
if bad >= tonumber(ARGV[8]) and bad * 100 >= tonumber(ARGV[9]) * (good + bad) then return trip(longer()) end
redis.call('HSET', KEYS[3], 'since', string.format('%.0f', since), 'good', good, 'bad', bad)
redis.call('PEXPIRE', KEYS[3], ARGV[7])
return {'', 0}
"""
