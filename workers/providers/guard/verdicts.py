"""What an answer or an error of an adapter means for everybody else who wants to ask that provider."""

from typing import Final

from schemas.errors import LeydenError
from schemas.providers import BreakerRules
from workers.providers.guard.board import Verdict
from workers.providers.journal import Parked

QUOTA: Final = "quota_exhausted"
BAD_KEY: Final = "bad_key"
STOP_REASONS: Final = (QUOTA, BAD_KEY)
RATE_LIMITED: Final = "rate_limited"
UNAVAILABLE: Final = "provider_unavailable"

_ILL: Final = frozenset({UNAVAILABLE, "provider_unknown", "bad_result"})
_WELL: Final = frozenset(
    {"content_refused", "provider_refused", "invalid_input", "media_too_heavy", "file_unreadable"}
)
"""It answered, and the answer was no: the request was at fault."""

GOOD: Final = Verdict("good")
NEUTRAL: Final = Verdict("neutral")


def code_of(error: BaseException | None) -> str:
    """One word for the metric of calls."""
    match error:
        case None | Parked():
            return "ok"
        case LeydenError():
            return error.code
        case TimeoutError():
            return "timeout"
        case Exception():
            return "internal"
        case _:
            return "cancelled"


def verdict_of(error: BaseException | None, rules: BreakerRules, *, buys: bool) -> Verdict:
    """`buys` False: a question after something bought says little about the next purchase; but a pause
    that its answer names (`pause_s`) is asked of everybody.
    """
    if error is None or isinstance(error, Parked):
        return GOOD if buys else NEUTRAL
    if not isinstance(error, LeydenError):
        return NEUTRAL
    named_s = float(error.facts.get("retry_after_s") or 0)
    if error.code == RATE_LIMITED:
        return Verdict("neutral", pause_s=named_s, why=RATE_LIMITED)
    if not buys:
        asked_s = float(error.facts.get("pause_s") or 0)
        return Verdict("neutral", pause_s=asked_s, why=error.code) if asked_s else NEUTRAL
    if error.code == QUOTA or error.facts.get("reason") == BAD_KEY:
        why = QUOTA if error.code == QUOTA else BAD_KEY
        return Verdict("neutral", stop_s=max(rules.stop_s, named_s), why=why)
    if error.code == "unknown_model":
        return Verdict("gone")
    if error.code in _ILL:
        return Verdict("bad", pause_s=named_s, why=error.code)
    return GOOD if error.code in _WELL else NEUTRAL
