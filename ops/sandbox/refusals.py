"""How each provider says no: one exception, three ways to put it on the wire."""

from collections.abc import Mapping
from typing import Any, Final

from starlette.responses import JSONResponse, Response

from ops.base.clock import unix_s
from ops.sandbox.operations import Provider

_OPENAI_TYPES: Final = {401: "authentication_error", 403: "permission_error", 429: "requests"}


class Refusal(Exception):
    """`status` is what it is about; whether HTTP says so too is the provider's habit (`loud`: it
    does, whatever the habit). `wait_s` becomes X-RateLimit-Reset where the provider sends one.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        param: str | None = None,
        loud: bool = False,
        wait_s: float | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.param = param
        self.loud = loud
        self.wait_s = wait_s
        self.headers = dict(headers or {})

    def body(self, provider: Provider) -> dict[str, Any]:
        """The JSON in this provider's words."""
        return _BODIES.get(provider, _plain_body)(self)

    def response(self, provider: Provider) -> Response:
        status = 200 if provider is Provider.KIE and not self.loud else self.status
        return JSONResponse(self.body(provider), status, self._all_headers(provider))

    def _all_headers(self, provider: Provider) -> dict[str, str]:
        headers = dict(self.headers)
        if self.wait_s is not None and provider is Provider.OPENROUTER:
            headers["X-RateLimit-Reset"] = str(int((unix_s() + self.wait_s) * 1000))
        return headers


def _openai_body(refusal: Refusal) -> dict[str, Any]:
    kind = _OPENAI_TYPES.get(refusal.status, "invalid_request_error")
    if refusal.status >= 500:  # noqa: PLR2004 (the border of HTTP)
        kind = "server_error"
    if refusal.code == "insufficient_quota":
        kind = refusal.code
    return {
        "error": {
            "message": refusal.message,
            "type": kind,
            "param": refusal.param,
            "code": refusal.code,
        }
    }


def _openrouter_body(refusal: Refusal) -> dict[str, Any]:
    metadata = {"error_type": refusal.code, "provider_name": "Sandbox"}
    return {
        "error": {"code": refusal.status, "message": refusal.message, "metadata": metadata},
        "user_id": "user_sandbox",
    }


def _kie_body(refusal: Refusal) -> dict[str, Any]:
    return {"code": refusal.status, "msg": refusal.message, "data": None}


def _plain_body(refusal: Refusal) -> dict[str, Any]:
    return {"error": refusal.code, "message": refusal.message}


_BODIES: Final = {
    Provider.OPENAI: _openai_body,
    Provider.OPENROUTER: _openrouter_body,
    Provider.KIE: _kie_body,
}
