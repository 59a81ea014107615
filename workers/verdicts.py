"""What an error means for its job: another try, and when, or the end without a charge."""

import random
from dataclasses import dataclass
from typing import Final

from pydantic import ValidationError

from schemas.errors import JobFault, LeydenError, Refused, Unavailable

RETRY_FIRST_S: Final = 1.0
RETRY_MAX_S: Final = 120.0
INTERNAL: Final = "internal"
OVERDUE: Final = "overdue"
CANCELLED: Final = "cancelled"
UNKNOWN: Final = "provider_unknown"


@dataclass(frozen=True, slots=True)
class Verdict:
    """`retry_s` None: the job fails. `counted` False: not the job's fault, costs it no try."""

    code: str
    retry_s: float | None = None
    counted: bool = True
    unforeseen: bool = False


def judge(error: Exception, *, tries: int, unanswered: bool = False) -> Verdict:
    """Pure but for the jitter of the pause. `unanswered`: a request is out whose answer never came."""
    match error:
        case Unavailable():
            return Verdict(error.code, pause_s(tries), counted=error.facts.get("store") == "blobs")
        case JobFault(retryable=True):
            return _again(error, tries)
        case JobFault() | Refused():
            return Verdict(error.code)
        case ValidationError():
            return Verdict("invalid_input")
        case TimeoutError():
            return Verdict(UNKNOWN if unanswered else OVERDUE, pause_s(tries))
        case LeydenError():
            return Verdict(error.code if not error.retryable else INTERNAL, unforeseen=True)
        case _:
            return Verdict(INTERNAL, pause_s(tries), unforeseen=True)


def _again(error: JobFault, tries: int) -> Verdict:
    """As late as the provider asks for; a wait that is nobody's fault costs no try."""
    named_s = float(error.facts.get("retry_after_s") or 0)
    counted = error.facts.get("counted") is not False
    return Verdict(error.code, max(pause_s(tries), named_s), counted=counted)


def pause_s(tries: int) -> float:
    """Exponential with full jitter, so that jobs which failed together do not come back together."""
    longest_s = min(RETRY_MAX_S, RETRY_FIRST_S * 2 ** min(tries, 20))
    return float(random.uniform(longest_s / 2, longest_s))  # noqa: S311 (jitter, not a secret)
