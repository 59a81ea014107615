"""The only place that asks what time it is, so that tests can look for every reading in one file.

A job's lease and timers never use these readings: for them the clock of Postgres decides, because
it is the one clock that all processes share. These are for logs, metrics, tokens and time-outs.
"""

import time
from datetime import UTC, datetime
from functools import lru_cache


def now() -> datetime:
    """Wall-clock time, always aware and in UTC."""
    return datetime.now(UTC)  # noqa: TID251 (the permitted place)


def unix_s() -> float:
    """Wall-clock time in seconds since 1970, for gauges that hold a timestamp."""
    return time.time()  # noqa: TID251 (the permitted place)


def monotonic_s() -> float:
    """Seconds that only rise: for durations and time-outs, never for a date."""
    return time.monotonic()


def stamp() -> str:
    """Now as logs write it, to the microsecond: `2026-01-31T23:59:59.000001Z`."""
    micros = time.time_ns() // 1_000
    return f"{_to_the_second(micros // 1_000_000)}.{micros % 1_000_000:06d}Z"


@lru_cache(maxsize=4)
def _to_the_second(unix_s: int) -> str:
    """Many lines have the same."""
    return f"{datetime.fromtimestamp(unix_s, UTC):%Y-%m-%dT%H:%M:%S}"
