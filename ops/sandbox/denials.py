"""The faults that answer in the provider's stead: nothing was bought, and this is what is heard."""

from collections.abc import Mapping
from email.utils import formatdate
from typing import Final

from starlette.responses import PlainTextResponse, Response

from ops.base.clock import unix_s
from ops.sandbox.faults import Faults
from ops.sandbox.operations import Operation, Place, Provider
from ops.sandbox.refusals import Refusal

_QUOTA: Final = "You exceeded your current quota, please check your plan and billing details."
_POLICY: Final = "The request was refused by the content policy."
_CODES_IN_WORDS: Final = {
    402: "payment_required",
    408: "timeout",
    429: "rate_limit_exceeded",
    502: "provider_unavailable",
    503: "provider_overloaded",
}


def denial(place: Place, faults: Faults) -> Response | None:
    """The answer of the first such fault that is set; None when the request may go on."""
    provider = place.provider
    if faults.take("blocked_agent") is not None:
        return PlainTextResponse("error code: 1010", 403, {"Server": "cloudflare"})
    if (code := faults.take("error_in_200")) is not None:
        return in_200(provider, int(code))
    refusal = _refusal(place, faults)
    return None if refusal is None else refusal.response(provider)


def pause_s(response: Response) -> float:
    """For how long this answer asks its caller to stay away."""
    if wait_ms := response.headers.get("retry-after-ms"):
        return float(wait_ms) / 1000
    return float(response.headers.get("x-sandbox-pause", "0"))


def in_200(provider: Provider, code: int) -> Response:
    """HTTP says that all is well; the body does not."""
    refusal = Refusal(code, _word(code), f"Upstream error {code}")
    response = refusal.response(provider)
    response.status_code = 200
    return response


def _refusal(place: Place, faults: Faults) -> Refusal | None:
    if (wait_s := faults.take("payment_required")) is not None:
        return _empty_account(place.provider, headers=_pause(wait_s))
    if faults.take("insufficient_quota") is not None:
        return _no_quota(place.provider)
    if (told := faults.take("server_error")) is not None:
        status, _, wait_s = told.partition(":")
        message = f"Server error {status}"
        headers = _pause(wait_s)
        return Refusal(int(status), _word(int(status)), message, loud=True, headers=headers)
    if (form := faults.take("rate_limited")) is not None:
        headers = rate_headers(form)
        message = "Rate limit reached"
        return Refusal(429, "rate_limit_exceeded", message, loud=True, headers=headers)
    if place.operation is Operation.TASK:  # a refused task is created, and fails
        return None
    if faults.take("content_refusal") is not None:
        return _policy(place.provider)
    return None


def rate_headers(form: str) -> dict[str, str]:
    """`7`, `1.5`, `date:7`, `ms:1500`, `reset:7` or `none` as headers; a hidden one says the pause."""
    kind, _, number = form.rpartition(":")
    if form == "none":
        return {}
    if kind == "ms":
        return {"Retry-After-Ms": number}
    pause = {"X-Sandbox-Pause": number}
    if kind == "date":
        return {"Retry-After": formatdate(unix_s() + float(number), usegmt=True), **pause}
    if kind == "reset":
        reset_ms = int((unix_s() + float(number)) * 1000)
        return {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(reset_ms), **pause}
    return {"Retry-After": number, **pause}


def _pause(wait_s: str) -> dict[str, str]:
    return rate_headers(wait_s) if wait_s else {}


def _empty_account(provider: Provider, *, headers: Mapping[str, str] | None = None) -> Refusal:
    loud = provider is not Provider.KIE
    message = "Credits insufficient. Please top up to continue."
    return Refusal(402, "payment_required", message, loud=loud, headers=headers)


def _no_quota(provider: Provider) -> Refusal:
    if provider is Provider.OPENAI:
        return Refusal(429, "insufficient_quota", _QUOTA)
    return _empty_account(provider)


def _policy(provider: Provider) -> Refusal:
    if provider is Provider.OPENROUTER:
        return Refusal(403, "content_policy_violation", _POLICY)
    return Refusal(400, "content_policy_violation", _POLICY)


def _word(code: int) -> str:
    return _CODES_IN_WORDS.get(code, "server_error")
