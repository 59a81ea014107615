"""Every refusal as `application/problem+json` (RFC 9457), with a stable code in the reader's language."""

import re
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from ops.base.logs import get_logger
from schemas.errors import InvalidInput, LeydenError, Missing, NotAllowed, Refused
from schemas.http import Problem
from schemas.money import Currency, format_units
from schemas.texts import Language, error_text, language_of

log = get_logger(__name__)

MEDIA_TYPE: Final = "application/problem+json"
RETRY_AFTER_S: Final = 2
_FIRST_LANGUAGE: Final = re.compile(r"^\s*([A-Za-z]{2})")


class BodyTooLarge(HTTPException):
    """Raised while a body is being read; an HTTPException, so that no body parser hides it."""

    def __init__(self, limit_bytes: int) -> None:
        super().__init__(413)
        self.limit_bytes = limit_bytes


def reader_language(request: Request) -> Language:
    """The first language of Accept-Language; weights are not looked at, the first is the best."""
    match = _FIRST_LANGUAGE.match(request.headers.get("accept-language", ""))
    return language_of(match.group(1) if match else None)


def problem(request: Request, error: LeydenError, *, status: int | None = None) -> JSONResponse:
    """The answer for an error of ours, with its own status or the one that is given."""
    body = Problem(
        type=f"urn:leyden:error:{error.code}",
        title=error_text(error, reader_language(request)),
        status=status or error.status,
        code=error.code,
        detail=_detail(error),
        facts=error.facts if isinstance(error, Refused) else {},
    )
    headers: dict[str, str] = {"Content-Language": reader_language(request)}
    if error.retryable or error.status == 429:  # noqa: PLR2004 (too much, for now)
        headers["Retry-After"] = str(RETRY_AFTER_S)
    if error.status == 401:  # noqa: PLR2004 (RFC 9110: 401 names its scheme)
        headers["WWW-Authenticate"] = "Bearer"
    return JSONResponse(
        body.model_dump(mode="json"),
        status_code=body.status,
        headers=headers,
        media_type=MEDIA_TYPE,
    )


def install(app: FastAPI) -> None:
    """No path out of the API that is not a problem of this shape."""
    app.add_exception_handler(LeydenError, _ours)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _unexpected)


async def _ours(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, LeydenError)  # noqa: S101 (registered for nothing else)
    if error.status >= 500:  # noqa: PLR2004
        log.warning("request.failed", code=error.code, error=type(error).__name__)
    return problem(request, error)


async def _invalid(request: Request, error: Exception) -> JSONResponse:
    """The first thing that is wrong, without quoting what was sent."""
    assert isinstance(error, RequestValidationError)  # noqa: S101
    first = error.errors()[0]
    if first["type"] == "json_invalid":
        return problem(request, InvalidInput("invalid_input", problem="the body is not valid JSON"))
    path = ".".join(str(part) for part in first["loc"][1:])
    if first["loc"] == ("body",):
        said = "the body must be a JSON object, sent as Content-Type: application/json"
        return problem(request, InvalidInput("invalid_input", problem=said))
    told = first["msg"].removeprefix("Value error, ")
    said = f"{path}: {told}" if path else told
    return problem(request, InvalidInput("invalid_input", field=path, problem=said))


async def _http(request: Request, error: Exception) -> JSONResponse:
    """What the framework refuses by itself: an unknown path, a wrong method, an unreadable body."""
    assert isinstance(error, HTTPException)  # noqa: S101
    if isinstance(error, BodyTooLarge):
        return problem(request, InvalidInput("payload_too_large", limit_bytes=error.limit_bytes))
    named: dict[int, LeydenError] = {401: NotAllowed("unauthorized"), 404: Missing("not_found")}
    known = named.get(error.status_code)
    if known is not None:
        return problem(request, known)
    status = 405 if error.status_code == 405 else None  # noqa: PLR2004
    said = InvalidInput("invalid_input", problem=str(error.detail))
    answer = problem(request, said, status=status)
    if status is not None:  # it comes with an Allow header
        answer.headers.update(error.headers or {})
    return answer


async def _unexpected(request: Request, error: Exception) -> JSONResponse:
    log.error("request.crashed", exc_info=error)
    return problem(request, LeydenError())


def _detail(error: LeydenError) -> str:
    """For a developer, in English: the code's facts, amounts as credits."""
    facts: dict[str, Any] = {}
    for name, value in error.facts.items():
        if name.endswith("_units") and isinstance(value, int):
            facts[name.removesuffix("_units")] = f"{format_units(value, Currency.CREDIT)} credits"
        else:
            facts[name] = value
    if "problem" in facts:
        return str(facts["problem"])
    shown = ", ".join(f"{name}={value}" for name, value in facts.items())
    return shown if shown and isinstance(error, Refused) else error.code
