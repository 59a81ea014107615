"""Every way in which the sandbox can be told to fail: name, default, where it has a meaning.

A fault is written `name` or `name=value`, several of them with commas between. What happens before
the provider has taken the order buys nothing; what happens after it has bought and is in the journal.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, Literal

from ops.sandbox.operations import Operation

_ANYWHERE: Final = frozenset(Operation)
_CHAT: Final = frozenset({Operation.CHAT})
_TASK: Final = frozenset({Operation.TASK})
_SALE: Final = frozenset({Operation.CHAT, Operation.IMAGE, Operation.TASK})
_RESULT: Final = frozenset({Operation.TASK, Operation.FILE})

RATE_FORMS: Final = ("", "date", "ms", "reset", "none")
GONE_LINK: Final = ("now", "gone")
FORGERIES: Final = ("unsigned", "wrong_key", "tampered", "stranger")


@dataclass(frozen=True, slots=True)
class Kind:
    """One row of the dial. `buys`: whether the order is in the journal all the same."""

    default: str
    where: frozenset[Operation]
    buys: Literal["no", "as told", "yes"]
    valid: Callable[[str], bool]
    what: str


@dataclass(frozen=True, slots=True)
class Fault:
    name: str
    value: str


class Faults:
    """The faults of one request; whoever acts on one takes it, so that the log can tell which did."""

    def __init__(self, faults: Iterable[Fault] = ()) -> None:
        self._values = {fault.name: fault.value for fault in faults}
        self.applied: list[str] = []

    def take(self, name: str) -> str | None:
        """The value of a fault that is set; None otherwise."""
        value = self._values.get(name)
        if value is not None and name not in self.applied:
            self.applied.append(name)
        return value

    def take_number(self, name: str) -> float | None:
        value = self.take(name)
        return None if value is None else float(value)

    def take_as(self, name: str, value: str) -> bool:
        """Take it only in one of its forms."""
        return self._values.get(name) == value and self.take(name) is not None

    def told(self) -> list[str]:
        """As they were asked for, for the log."""
        return [f"{name}={value}" for name, value in self._values.items()]


def parse(text: str) -> list[Fault]:
    """`name[=value], …` -> faults. Raises ValueError for an unknown name or a bad value."""
    return [named(part) for part in text.split(",") if part.strip()]


def named(part: str, value: str | None = None) -> Fault:
    """One fault with its default filled in. Raises ValueError."""
    name, given, after = part.strip().partition("=")
    if name not in FAULTS:
        msg = f"there is no fault {name!r}; there are {', '.join(FAULTS)}"
        raise ValueError(msg)
    if value is None and given:
        value = after
    kind = FAULTS[name]
    if value is None:
        value = kind.default
    if not kind.valid(value):
        msg = f"{value!r} is no value for the fault {name}: {kind.what}"
        raise ValueError(msg)
    return Fault(name, value)


def _one_of(*words: str) -> Callable[[str], bool]:
    return lambda value: value in words


def _number(least: float, most: float) -> Callable[[str], bool]:
    def valid(value: str) -> bool:
        try:
            return least <= float(value) <= most
        except ValueError:
            return False

    return valid


def _whole(least: int, most: int) -> Callable[[str], bool]:
    return lambda value: value.isdecimal() and least <= int(value) <= most


def _rate_form(value: str) -> bool:
    form, _, number = value.rpartition(":")
    return value == "none" or (form in RATE_FORMS and _number(0, 86_400)(number))


_STATUS: Final = _whole(500, 599)


def _status_form(value: str) -> bool:
    status, _, wait_s = value.partition(":")
    return _STATUS(status) and _maybe_seconds(wait_s)


def _maybe_seconds(value: str) -> bool:
    return value == "" or _number(0, 86_400)(value)


def _anything(_value: str) -> bool:
    return True


def _address(value: str) -> bool:
    return value.startswith(("http://", "https://"))


_SECONDS: Final = _number(0, 3600)
_CODE: Final = _whole(400, 599)
_CHUNKS: Final = _whole(0, 10_000)
_BYTES: Final = _whole(1, 2**31)
_NOTHING: Final = _one_of("")
_MOMENT: Final = _one_of("before", "after")
_CUT: Final = _one_of("before", "after", "mid")
_METADATA: Final = "http://169.254.169.254/latest/meta-data/"

FAULTS: Final[dict[str, Kind]] = {
    # Nothing is bought, but after a latency
    "latency": Kind("1", _ANYWHERE, "yes", _SECONDS, "seconds to wait before anything happens"),
    "rate_limited": Kind(
        "1", _ANYWHERE, "no", _rate_form,
        "429; Retry-After as `7`, `1.5`, `date:7` or `ms:1500`, X-RateLimit-Reset as `reset:7`, or `none`",
    ),
    "insufficient_quota": Kind("", _ANYWHERE, "no", _NOTHING, "429 that no waiting heals (kie: 402)"),
    "payment_required": Kind(
        "", _ANYWHERE, "no", _maybe_seconds, "402: the account is empty; `40`: with a Retry-After of 40 s"
    ),
    "server_error": Kind(
        "503", _ANYWHERE, "no", _status_form, "a 5xx status; `503:7`: with a Retry-After of 7 s"
    ),
    "error_in_200": Kind("502", _ANYWHERE, "no", _CODE, "HTTP 200 whose body is an error with this code"),
    "blocked_agent": Kind("", _ANYWHERE, "no", _NOTHING, "403 `error code: 1010` of the guard in front"),
    "content_refusal": Kind("", _SALE, "no", _NOTHING, "the content policy says no (a task: it fails)"),
    # Before or after the order is taken
    "hang": Kind("after", _ANYWHERE, "as told", _MOMENT, "no answer; `before` or `after` the order is taken"),
    "reset": Kind(
        "after", _ANYWHERE, "as told", _CUT,
        "connection reset `before` or `after` the order is taken, or closed `mid` body",
    ),
    # Bought, and the answer is bad
    "truncated_json": Kind("", _ANYWHERE, "yes", _NOTHING, "half of the body, with a matching length"),
    "garbage": Kind("", _ANYWHERE, "yes", _NOTHING, "an HTML page with status 200 in place of the body"),
    "oversize": Kind("33554432", _ANYWHERE, "yes", _BYTES, "this many bytes more of blanks after the body"),
    "filtered": Kind("", _CHAT, "yes", _NOTHING, "finish_reason `content_filter`, a refusal and no text"),
    "empty_choices": Kind("", _CHAT, "yes", _NOTHING, "`choices` is an empty list"),
    "cut_stream": Kind("2", _CHAT, "yes", _CHUNKS, "the stream ends after n pieces, no finish_reason"),
    "stream_error": Kind("2", _CHAT, "yes", _CHUNKS, "an error object in the stream after n pieces"),
    "slow_stream": Kind("0.05", _CHAT, "yes", _SECONDS, "seconds between two pieces of the stream"),
    "long_answer": Kind("5000", _CHAT, "yes", _whole(1, 10**6), "an answer of this many characters"),
    "no_usage": Kind("", _CHAT, "yes", _NOTHING, "the answer does not say what was used"),
    "usage_above_quote": Kind("10", _SALE, "yes", _number(1, 10_000), "usage and cost times this"),
    # Tasks
    "task_forever": Kind("", _TASK, "yes", _NOTHING, "the task never ends"),
    "task_failed": Kind("500", _TASK, "yes", _CODE, "the task fails with this code, nothing is charged"),
    "task_slow": Kind("5", _TASK, "yes", _SECONDS, "seconds the task takes at least"),
    "broken_result_json": Kind(
        "", _TASK | {Operation.POLL}, "yes", _NOTHING, "the record of the finished task is broken JSON inside"
    ),
    "expired_url": Kind(
        "now", _RESULT, "yes", _one_of(*GONE_LINK),
        "the link has expired; `gone`: and no fresh one is to be had",
    ),
    "redirect_private": Kind(_METADATA, _RESULT, "yes", _address, "the link redirects to this address"),
    "no_callback": Kind("", _TASK, "yes", _NOTHING, "the callback is never sent"),
    "duplicate_callback": Kind("2", _TASK, "yes", _whole(2, 20), "the callback is sent n times"),
    "forged_callback": Kind(
        "unsigned", _TASK, "yes", _one_of(*FORGERIES),
        "a false one comes first: `unsigned`, signed with a `wrong_key`, `tampered` under true headers, "
        "or from a `stranger` (of no task)",
    ),
}  # fmt: skip
