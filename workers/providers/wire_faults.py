"""What a failed request means: for the job, and for the question whether anything was bought.

Two exceptions carry that from the wire to the deal: `NotSold` (the provider said no, nothing was
bought) and `Lost` (the request left, and no usable answer came: nobody knows). `wire_deal`
turns both into faults of the job; neither leaves an adapter.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Final

from ops.base.clock import unix_s
from schemas.errors import JobFault, Permanent, Retryable

PAUSE_MAX_S: Final = 86_400.0
PAUSE_UNTOLD_S: Final = 5.0
"""After a 429 that names no time: more than the 20 creates in 10 s of kie.ai need on average."""

_POLICY_WORDS: Final = (
    "content_policy",
    "content policy",
    "content_filter",
    "moderation",
    "safety system",
    "safety_violation",
    "flagged",
    "sensitive content",
    "sensitive word",
    "refusal",
    "guardrail",
)
_NO_MODEL_WORDS: Final = (
    "model_not_found",
    "invalid_model",
    "not a valid model",
    "model name you specified",
    "no endpoints found for",
    "invalid model",
)
_QUOTA_WORDS: Final = (
    "insufficient_quota",
    "insufficient credits",
    "credits insufficient",
    "billing_hard_limit",
    "key limit exceeded",
)
_BILL_STATUSES: Final = frozenset({402, 403, 429, 433})
"""With these a message is about the account, not about the question."""
_GATEWAY_STATUSES: Final = frozenset({408, 504, 520, 521, 522, 523, 524, 530})
"""Somebody in between gave up waiting: what became of the request is not known."""


class NotSold(Exception):
    """Nothing was bought; `fault` is what the job ends or waits with."""

    def __init__(self, fault: JobFault) -> None:
        super().__init__(str(fault))
        self.fault = fault


class Lost(Exception):
    """The request left, and what came back does not say what became of it. `reason` is one word;
    `retry_after_s`: how long to stay away, where that was said all the same.
    """

    def __init__(self, reason: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.retry_after_s = retry_after_s


@dataclass(frozen=True, slots=True)
class Said:
    """A provider's no. `status` is the one that counts, wherever it was written; `word` its own code.

    `own`: the body was in the provider's own form, not the page of a machine in between.
    """

    status: int
    word: str = ""
    message: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    own: bool = True


def refusal(said: Said, *, model: str) -> NotSold | Lost:
    """Which of the two it is. Texts of providers are looked at, never passed on."""
    told = f"{said.word} {said.message}".lower()
    status = said.status
    if status in _GATEWAY_STATUSES or (status >= 500 and not said.own):  # noqa: PLR2004 (of HTTP)
        return Lost(f"status_{status}", retry_after_s=named_pause_s(said.headers))
    if _is_unpaid(said, told):
        return NotSold(Permanent("quota_exhausted", **_named(said)))
    if status in (429, 433):
        wait_s = pause_s(said.headers)
        return NotSold(Retryable("rate_limited", retry_after_s=wait_s, counted=False))
    if status >= 500 or status in (409, 425, 455):  # noqa: PLR2004
        return NotSold(_busy(said))
    return NotSold(_no(said, told, model))


def _is_unpaid(said: Said, told: str) -> bool:
    """It stops a provider for everybody, so what a person wrote, and a message repeats, is no sign of it."""
    where = told if said.status in _BILL_STATUSES else said.word.lower()
    return said.status == 402 or any(word in where for word in _QUOTA_WORDS)  # noqa: PLR2004


def _no(said: Said, told: str, model: str) -> JobFault:
    """400, 401, 403, 404, 413, 422, 451: asking again changes nothing."""
    if is_policy(told) or said.status == 451:  # noqa: PLR2004
        return Permanent("content_refused")
    if any(word in told for word in _NO_MODEL_WORDS):
        return Permanent("unknown_model", model=model)
    if said.status in (401, 403):
        reason = "bad_key" if said.status == 401 else "forbidden"  # noqa: PLR2004
        return Permanent("provider_unavailable", reason=reason)
    return Permanent("provider_refused", reason=said.word or f"status_{said.status}")


def _busy(said: Said) -> Retryable:
    return Retryable("provider_unavailable", **_named(said))


def _named(said: Said) -> dict[str, float]:
    """The fact `retry_after_s`, where the headers name a pause."""
    wait_s = named_pause_s(said.headers)
    return {} if wait_s is None else {"retry_after_s": wait_s}


def is_policy(told: str) -> bool:
    """Whether a provider's words mean that it does not like what was asked for."""
    lowered = told.lower()
    return any(word in lowered for word in _POLICY_WORDS)


def pause_s(headers: Mapping[str, str]) -> float:
    """How long to stay away after a 429, in seconds; never 0."""
    named = named_pause_s(headers)
    return PAUSE_UNTOLD_S if named is None else named


def named_pause_s(headers: Mapping[str, str]) -> float | None:
    """What the headers ask for: `retry-after-ms`, `retry-after` (seconds or a date), and OpenRouter's
    `x-ratelimit-reset` (Unix milliseconds), in this order. At most a day; None where they say nothing.
    """
    found = {name.lower(): value.strip() for name, value in headers.items()}
    for name, read in (
        ("retry-after-ms", _milliseconds),
        ("retry-after", _seconds_or_date),
        ("x-ratelimit-reset", _moment_ms),
    ):
        wait_s = read(found[name]) if name in found else None
        if wait_s is not None and math.isfinite(wait_s) and wait_s > 0:
            return min(wait_s, PAUSE_MAX_S)
    return None


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _milliseconds(text: str) -> float | None:
    number = _number(text)
    return None if number is None else number / 1000


def _seconds_or_date(text: str) -> float | None:
    number = _number(text)
    if number is not None:
        return number
    try:
        return parsedate_to_datetime(text).timestamp() - unix_s()
    except (TypeError, ValueError):
        return None


def _moment_ms(text: str) -> float | None:
    number = _number(text)
    return None if number is None else number / 1000 - unix_s()
