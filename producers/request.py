"""What is asked of the intake, checked as far as that goes without a store."""

import hashlib
import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from pydantic import ValidationError

from ops.base.clock import now
from schemas.catalogue import MODALITY_OF_KIND, Catalogue, Model
from schemas.errors import InvalidInput
from schemas.jobs import Kind
from schemas.money import App
from schemas.payloads import AnyPayload, PostPublish, parse_payload
from schemas.times import within_bounds

AHEAD_MAX: Final = timedelta(days=366)
KEY_MAX_CHARACTERS: Final = 200
_KEY: Final = re.compile(r"^[\x21-\x7e]+\Z")


@dataclass(frozen=True, slots=True)
class SubmitRequest:
    """One wish. `key` makes it happen once however often it is sent; without one it is always new.

    `reply` names where the end is told; `pull`: the client asks. `save`: keep it as a project.
    """

    user_id: int
    app: App
    kind: str
    input: dict[str, Any]
    key: str | None = None
    run_at: datetime | None = None
    reply: str = "pull"
    trace: str | None = None
    save: bool = True
    replay_of: UUID | None = None


@dataclass(frozen=True, slots=True)
class Accepted:
    """`price_units` is the quote, locked for the job. `currency` is the wallet expected to pay.

    `replayed`: the key was known, this is the job of the first time.
    """

    job_id: UUID
    state: str
    price_units: int
    currency: str
    replayed: bool


def canonical(request: SubmitRequest) -> bytes:
    """The same wish gives the same bytes, however its JSON was written."""
    body = {
        "kind": request.kind,
        "app": request.app.value,
        "input": request.input,
        "run_at": request.run_at.astimezone(UTC).isoformat() if request.run_at else None,
    }
    return json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def body_hash(request: SubmitRequest) -> UUID:
    """16 bytes: what a known key is compared by."""
    return UUID(bytes=hashlib.sha256(canonical(request)).digest()[:16])


def check_size(request: SubmitRequest, *, limit_bytes: int) -> None:
    """Raises InvalidInput `payload_too_large`, or `invalid_input` for text that is not Unicode."""
    try:
        size_bytes = len(canonical(request))
    except UnicodeEncodeError as error:  # a lone surrogate: JSON lets it through, UTF-8 does not
        raise InvalidInput("invalid_input", problem="the text is not valid Unicode") from error
    if size_bytes > limit_bytes:
        raise InvalidInput("payload_too_large", size_bytes=size_bytes, limit_bytes=limit_bytes)


def check_key(key: str | None) -> None:
    """Raises InvalidInput for a key that nobody should have to store or print."""
    if key is not None and (len(key) > KEY_MAX_CHARACTERS or not _KEY.match(key)):
        problem = f"an idempotency key has 1 to {KEY_MAX_CHARACTERS} visible ASCII characters"
        raise InvalidInput("invalid_input", field="Idempotency-Key", problem=problem)


def check_time(run_at: datetime | None) -> None:
    """Raises InvalidInput for a time without its zone, or too far away. The past means now."""
    if run_at is None:
        return
    if run_at.tzinfo is None:
        raise InvalidInput("invalid_input", field="run_at", problem="run_at needs a time zone")
    try:
        within_bounds(run_at)
    except ValueError as error:
        raise InvalidInput("invalid_input", field="run_at", problem=str(error)) from error
    if run_at > now() + AHEAD_MAX:
        problem = f"run_at is more than {AHEAD_MAX.days} days ahead"
        raise InvalidInput("invalid_input", field="run_at", problem=problem)


def payload_of(request: SubmitRequest) -> AnyPayload:
    """Raises InvalidInput `unknown_kind` or `invalid_input` naming the field that is wrong."""
    try:
        kind = Kind(request.kind)
    except ValueError as error:
        kinds = ", ".join(Kind)
        raise InvalidInput("unknown_kind", kind=request.kind[:40], kinds=kinds) from error
    if not {"kind", "version"}.isdisjoint(request.input):
        raise InvalidInput("invalid_input", field="kind", problem="kind stands beside the input")
    try:
        return parse_payload(kind, request.input)
    except ValidationError as error:
        raise _invalid(error) from error


def model_of(payload: AnyPayload, models: Catalogue) -> Model | None:
    """The row that answers for a model chosen by its own name; None for an alias, which every plan has.

    Raises InvalidInput `unknown_model`, `model_unavailable`.
    """
    if isinstance(payload, PostPublish):
        return None
    row = models.resolve(payload.model, MODALITY_OF_KIND[payload.kind])
    return None if models.is_alias(payload.model) else row


def _invalid(error: ValidationError) -> InvalidInput:
    """The first thing that is wrong, without quoting what the user wrote."""
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    path = ".".join(str(part) for part in first["loc"] if part not in tuple(Kind))
    said = first["msg"].removeprefix("Value error, ")
    problem = f"{path}: {said}" if path else said
    return InvalidInput("invalid_input", field=path, problem=problem)
