"""The only place that asks what time it is, so that tests can look for every reading in one file.

A job's lease and timers never use these readings: for them the clock of Postgres decides, because
it is the one clock that all processes share. These are for logs, metrics, tokens and time-outs.
"""

import time
from datetime import UTC, datetime


def now() -> datetime:
    """Wall-clock time, always aware and in UTC."""
    return datetime.now(UTC)  # noqa: TID251 (the permitted place)


def unix_s() -> float:
    """Wall-clock time in seconds since 1970, for gauges that hold a timestamp."""
    return time.time()  # noqa: TID251 (the permitted place)


def monotonic_s() -> float:
    """Seconds that only rise: for durations and time-outs, never for a date."""
    return time.monotonic()
