"""Every way in which the Bot API can be told to fail, as a table.

What strikes before the method has run changes nothing; what strikes after it has sent the message all
the same. `update` faults strike what a bot receives.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

from ops.sandbox.faults import Fault

Moment = Literal["before", "after", "update"]


@dataclass(frozen=True, slots=True)
class Row:
    moment: Moment
    default: str
    valid: Callable[[str], bool]
    what: str


def named(name: str, value: str | None = None) -> Fault:
    """One fault, its default filled in. Raises ValueError for an unknown name or a bad value."""
    name, given, after = name.strip().partition("=")
    row = BOT_FAULTS.get(name)
    if row is None:
        msg = f"there is no fault {name!r}; there are {', '.join(BOT_FAULTS)}"
        raise ValueError(msg)
    if value is None:
        value = after if given else row.default
    if not row.valid(value):
        msg = f"{value!r} is no value for the fault {name}: {row.what}"
        raise ValueError(msg)
    return Fault(name, value)


def _seconds(value: str) -> bool:
    try:
        return 0 <= float(value) <= 3600  # noqa: PLR2004 (an hour is as good as for ever)
    except ValueError:
        return False


def _between(least: int, most: int) -> Callable[[str], bool]:
    return lambda value: value.isdecimal() and least <= int(value) <= most


def _nothing(value: str) -> bool:
    return value == ""


def _side(value: str) -> bool:
    return value in ("before", "after")


BOT_FAULTS: Final[dict[str, Row]] = {
    "latency": Row("before", "1", _seconds, "seconds to wait before anything happens"),
    "server_error": Row("before", "502", _between(500, 599), "a 5xx status"),
    "restarting": Row("before", "", _nothing, "500 `Internal Server Error: restart`"),
    "rate_limited": Row("before", "3", _between(1, 86_400), "429 with this retry_after"),
    "blocked": Row("before", "", _nothing, "403 `bot was blocked by the user`"),
    "parse_error": Row("before", "", _nothing, "400 `can't parse entities`"),
    "reset": Row("before", "", _nothing, "connection reset, nothing has happened"),
    "reply_lost": Row("after", "", _nothing, "it is done, then the connection is reset"),
    "reply_slow": Row("after", "5", _seconds, "it is done, the answer comes so many seconds later"),
    "garbage": Row("after", "", _nothing, "it is done, the answer is an HTML page with status 200"),
    "truncated_json": Row("after", "", _nothing, "it is done, half of the answer arrives"),
    "error_after": Row("after", "502", _between(500, 599), "it is done, the answer is a 5xx"),
    "hang": Row("before", "after", _side, "no answer ever, `before` or `after` it is done"),
    "duplicate_update": Row("update", "2", _between(2, 20), "an update is delivered n times"),
    "malformed_update": Row("update", "", _nothing, "an update that no client can decode"),
    "late_update": Row("update", "1", _seconds, "an update comes so many seconds later"),
}
