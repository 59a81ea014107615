"""The wire of the queue: keys, entries, and the scripts that run inside Redis.

An entry is a wake-up: {i: the job id in 16 bytes, k: its kind, t: its trace}, nothing private. Kept
apart from the client so that every fact about the wire is read, and tested, in one place.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple
from uuid import UUID

from schemas.jobs import STREAM_COUNT, stream_lane

GROUP: Final = "workers"
STREAMS: Final = range(1, STREAM_COUNT + 1)
PAUSED_KEY: Final = "leyden:lane:paused"
BROKEN_KEY: Final = "leyden:broken"
BROKEN_MAX: Final = 1_000
WORKER_KEY_PREFIX: Final = "leyden:worker:"
CRON_QUEUE: Final = "leyden:cron"

NEVER_S: Final = 10 * 365 * 86_400.0
"""Age of 'the newest delivered entry' of a stream of which nothing was ever delivered."""

READ: Final = """
-- KEYS: the set of paused lanes, then streams, best first
-- ARGV: group, consumer, budget, then for each stream its lane and that lane's own budget
-- Strict order under one budget: XREADGROUP alone would give COUNT entries of every stream.
local left, room, paused, out = tonumber(ARGV[3]), {}, {}, {}
local names = redis.call('SMEMBERS', KEYS[1])
for _, lane in ipairs(names) do paused[lane] = true end
for n = 2, #KEYS do
  local lane, cap = ARGV[2 * n], tonumber(ARGV[2 * n + 1])
  room[lane] = room[lane] or cap
  local count = math.min(left, room[lane])
  if count > 0 and not paused[lane] then
    local got = redis.call('XREADGROUP', 'GROUP', ARGV[1], ARGV[2], 'COUNT', count,
      'STREAMS', KEYS[n], '>')
    if got then
      local entries = got[1][2]
      out[#out + 1] = {KEYS[n], entries}
      left, room[lane] = left - #entries, room[lane] - #entries
    end
  end
end
return {names, out}
"""

ADD: Final = """
-- KEYS: the stream of each entry. ARGV: for each its job id, kind and trace
-- One command for many entries: a client spends more on a command than Redis does on an entry.
for n = 1, #KEYS do
  redis.call('XADD', KEYS[n], '*', 'i', ARGV[3 * n - 2], 'k', ARGV[3 * n - 1], 't', ARGV[3 * n])
end
"""

NEWEST: Final = """
-- KEYS: streams. ARGV: group. For each the id of its newest entry and of the last one that was delivered to
-- the group: 0-0 where there is none, and an empty word where the stream lacks the group. Then the time.
-- A client would spend 5 ms on two answers of XINFO for each of twenty streams.
local out = {}
for n, key in ipairs(KEYS) do
  local newest, delivered = '0-0', '0-0'
  local last = redis.pcall('XREVRANGE', key, '+', '-', 'COUNT', 1)
  local groups = redis.pcall('XINFO', 'GROUPS', key)
  if last[1] then newest = last[1][1] end
  if not groups['err'] then
    delivered = ''
    for _, group in ipairs(groups) do
      local facts = {}
      for i = 1, #group, 2 do facts[group[i]] = group[i + 1] end
      if facts['name'] == ARGV[1] then delivered = facts['last-delivered-id'] end
    end
  end
  out[2 * n - 1], out[2 * n] = newest, delivered
end
return {out, redis.call('TIME')}
"""

DROP_IDLE: Final = """
-- KEYS: a stream. ARGV: group, idle ms. Dead consumers go only when they hold nothing: in one step,
-- because a consumer that reads between a look and a delete would lose what it read.
local gone = 0
for _, row in ipairs(redis.call('XINFO', 'CONSUMERS', KEYS[1], ARGV[1])) do
  local c = {}
  for n = 1, #row, 2 do c[row[n]] = row[n + 1] end
  if c['pending'] == 0 and c['idle'] > tonumber(ARGV[2]) then
    redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], c['name'])
    gone = gone + 1
  end
end
return gone
"""


class Entry(NamedTuple):
    """One wake-up that was read and not closed yet."""

    stream: int
    entry_id: bytes
    job_id: UUID
    kind: str
    trace: str


@dataclass(frozen=True, slots=True)
class Broken:
    """An entry nobody can read: set aside and closed, it never stops a worker."""

    stream: int
    entry_id: bytes
    shown: str


@dataclass(frozen=True, slots=True)
class Delivered:
    entries: tuple[Entry, ...] = ()
    broken: tuple[Broken, ...] = ()
    paused: frozenset[str] = frozenset()


def stream_key(stream: int) -> str:
    return f"leyden:s:{stream}"


def stream_of_key(key: bytes | str) -> int:
    return int(_text(key).rsplit(":", 1)[1])


def lane_name(stream: int) -> str:
    return stream_lane(stream).value


def fields_of(job_id: UUID, kind: str, trace: str) -> tuple[str | bytes, ...]:
    return ("i", job_id.bytes, "k", kind, "t", trace)


def parse_delivery(answer: Any, *, paused: frozenset[str] = frozenset()) -> Delivered:
    """The answer of XREADGROUP, of READ or of XAUTOCLAIM, as [[key, [[id, fields], ...]], ...]."""
    entries: list[Entry] = []
    broken: list[Broken] = []
    pairs = answer.items() if isinstance(answer, Mapping) else answer or ()
    for key, rows in pairs:
        for entry_id, fields in rows:
            item = _parse_entry(stream_of_key(key), entry_id, fields)
            if isinstance(item, Entry):
                entries.append(item)
            else:
                broken.append(item)
    return Delivered(tuple(entries), tuple(broken), paused)


def _parse_entry(stream: int, entry_id: bytes, fields: Any) -> Entry | Broken:
    try:
        named = _mapping(fields)
        job_id = UUID(bytes=bytes(named[b"i"]))
        kind, trace = named.get(b"k", b"").decode(), named.get(b"t", b"").decode()
    except (KeyError, ValueError, TypeError, AttributeError):
        return Broken(stream, entry_id, repr(fields)[:500])
    return Entry(stream, entry_id, job_id, kind, trace)


def _mapping(fields: Any) -> Mapping[bytes, bytes]:
    if isinstance(fields, list):
        return dict(zip(fields[::2], fields[1::2], strict=True))
    return dict(fields)


def delivered_age_s(newest: bytes, delivered: bytes, now_ms: int) -> float:
    """Seconds since the newest *delivered* entry of a stream was added; all the sweeper must know.

    0 when nothing is undelivered or the stream is gone: then every queued job whose entry is older
    than the slack is missing. Not `lag`, which can be empty. The ids are those of `NEWEST`.
    """
    added, given = _id_of(newest), _id_of(delivered or b"0-0")
    if given >= added:
        return 0.0
    if given == (0, 0):
        return NEVER_S
    return max(0, now_ms - given[0]) / 1000


def _id_of(entry_id: bytes | str) -> tuple[int, int]:
    ms, _, number = _text(entry_id).partition("-")
    return int(ms), int(number or 0)


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value
