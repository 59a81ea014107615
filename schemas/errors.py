"""Every way Leyden says no, as one tree. A reader knows every failure from this file.

LeydenError
├── ConfigError                 a setting is missing or wrong; the process does not start
├── Refused                     the caller asked for what we do not do: nothing written, nothing charged
│   ├── InvalidInput            invalid_input, bad_amount, payload_too_large, unknown_kind, unknown_model, ...
│   ├── NotAllowed              unauthorized, forbidden, suspended, closed, model_not_in_plan
│   ├── Missing                 not_found (also another user's object), no_account, no_hold
│   ├── Conflict                key_conflict, rate_changed, already_*, ...
│   ├── Insufficient            what the user may spend here does not cover the price
│   ├── TooMuch                 backlog_full, daily_limit, rate_limited
│   └── NoRoom                  disk_full: no room to keep what would be made; try again later
├── JobFault                    a run ended badly; the job fails and its credits return
│   ├── Retryable               worth another try within the deadline
│   └── Permanent               will not get better by trying
├── Unavailable                 a store is down: nothing was accepted, try again
└── LostLease                   this attempt is no longer the job's; drop everything, charge nothing

A class says what kind of trouble it is; `code` says which. Codes are stable API. The text for a user is
`error.<code>` in `data/texts`, filled from `facts`, in every language.
"""

from typing import Any, ClassVar, Final


class LeydenError(Exception):
    """Base. `facts` fill the user's text and an operator's log line; they hold no private content."""

    http_status: ClassVar[int] = 500
    retryable: ClassVar[bool] = False
    default_code: ClassVar[str] = "internal"

    def __init__(self, code: str | None = None, /, **facts: Any) -> None:
        self.code: Final = code or self.default_code
        self.facts: Final = facts
        super().__init__(self.code)

    @property
    def text_key(self) -> str:
        return f"error.{self.code}"

    @property
    def status(self) -> int:
        return STATUS_OF_CODE.get(self.code, self.http_status)

    def __str__(self) -> str:
        shown = ", ".join(f"{name}={value}" for name, value in self.facts.items())
        return f"{self.code} ({shown})" if shown else self.code


class ConfigError(LeydenError):
    """A missing or wrong setting: one line that names it."""

    default_code = "bad_setting"

    def __init__(self, *, setting: str, problem: str) -> None:
        super().__init__(None, setting=setting, problem=problem)

    def __str__(self) -> str:
        return f"{self.facts['setting']}: {self.facts['problem']}"


class Refused(LeydenError):
    http_status = 400
    default_code = "refused"


class InvalidInput(Refused):
    http_status = 422
    default_code = "invalid_input"


class NotAllowed(Refused):
    http_status = 403
    default_code = "forbidden"


class Missing(Refused):
    http_status = 404
    default_code = "not_found"


class Conflict(Refused):
    http_status = 409
    default_code = "key_conflict"


class Insufficient(Refused):
    http_status = 402
    default_code = "insufficient"


class TooMuch(Refused):
    http_status = 429
    default_code = "backlog_full"


class NoRoom(Refused):
    http_status = 507
    retryable = True
    default_code = "disk_full"


class JobFault(LeydenError):
    default_code = "failed"


class Retryable(JobFault):
    """`retry_after_s` in facts is honoured when a provider named it."""

    retryable = True
    default_code = "provider_unavailable"


class Permanent(JobFault):
    default_code = "provider_refused"


class Unavailable(LeydenError):
    http_status = 503
    retryable = True
    default_code = "unavailable"


class LostLease(LeydenError):
    default_code = "lost_lease"


STATUS_OF_CODE: Final[dict[str, int]] = {
    "unauthorized": 401,
    "payload_too_large": 413,
    "wrong_file_type": 415,
    "no_account": 404,
    "no_hold": 404,
    "storage_full": 507,
}
"""Codes whose HTTP status differs from their class."""

REFUSALS: Final[dict[str, type[Refused]]] = {
    "bad_amount": InvalidInput,
    "invalid_input": InvalidInput,
    "unknown_kind": InvalidInput,
    "unknown_model": InvalidInput,
    "model_unavailable": InvalidInput,
    "unknown_currency": InvalidInput,
    "unknown_package": InvalidInput,
    "unknown_plan": InvalidInput,
    "payload_too_large": InvalidInput,
    "wrong_file_type": InvalidInput,
    "media_too_heavy": InvalidInput,
    "file_unreadable": InvalidInput,
    "too_many_pages": InvalidInput,
    "amount_too_small": InvalidInput,
    "overflow": InvalidInput,
    "unauthorized": NotAllowed,
    "forbidden": NotAllowed,
    "suspended": NotAllowed,
    "closed": NotAllowed,
    "model_not_in_plan": NotAllowed,
    "not_found": Missing,
    "no_account": Missing,
    "no_hold": Missing,
    "file_not_found": Missing,
    "key_conflict": Conflict,
    "plan_given": Conflict,
    "rate_changed": Conflict,
    "no_rate": Conflict,
    "rate_pump": Conflict,
    "too_late": Conflict,
    "already_captured": Conflict,
    "already_released": Conflict,
    "already_expired": Conflict,
    "exceeds_hold": Conflict,
    "exceeds_capture": Conflict,
    "not_captured": Conflict,
    "insufficient": Insufficient,
    "backlog_full": TooMuch,
    "daily_limit": TooMuch,
    "rate_limited": TooMuch,
    "disk_full": NoRoom,
}
"""Code -> class: how a code returned by SQL becomes an exception."""


def refusal(code: str, **facts: Any) -> Refused:
    """The narrowest class for a code that a SQL function returned."""
    return REFUSALS.get(code, Refused)(code, **facts)
