"""One request as the sandbox sees it before anybody answers: where to, about what, from whom."""

import hashlib
import json
from dataclasses import dataclass, field
from typing import Any, Final

from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.types import Message, Receive, Scope

from ops.sandbox.operations import KIE_PREFIX, Place

Body = dict[str, Any]

REFERENCE_FIELDS: Final = ("callBackUrl", "callback_url", "metadata", "user", "safety_identifier")
_PROMPT_FIELDS: Final = ("prompt", "input", "messages")


@dataclass(frozen=True, slots=True)
class Question:
    """`body` is what was sent: a JSON object, or the fields of a form; empty when unreadable.

    `digest` is the SHA-256 of what was asked for, without the client's references: the same order
    sent twice has the same digest.
    """

    place: Place
    method: str
    path: str
    key: str
    body: Body = field(default_factory=dict)
    model: str = ""
    prompt: str = ""
    reference: str = ""
    digest: str = ""


async def read_body(receive: Receive) -> bytes | None:
    """The whole body; None when the client left before its end."""
    pieces: list[bytes] = []
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        pieces.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(pieces)


def replay(body: bytes, receive: Receive) -> Receive:
    """A `receive` that gives the body once more and then tells of the client's leaving."""
    given = False

    async def again() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again


async def read_question(scope: Scope, raw: bytes, place: Place) -> Question:
    """Never raises: who answers says what is wrong with the body."""
    request = Request(scope, replay(raw, _nothing_more))
    body = await _fields(request, raw)
    inner = body.get("input")
    inner = inner if isinstance(inner, dict) else {}
    return Question(
        place=place,
        method=request.method,
        path=request.url.path,
        key=request.headers.get("authorization", "").removeprefix("Bearer ").strip(),
        body=body,
        model=str(body.get("model") or _model_of(request.url.path)),
        prompt=_prompt(body) or _prompt(inner),
        reference=_reference(body),
        digest=_digest(place, body, raw),
    )


async def _nothing_more() -> Message:
    return {"type": "http.disconnect"}


async def _fields(request: Request, raw: bytes) -> Body:
    if request.headers.get("content-type", "").startswith("multipart/form-data"):
        try:
            async with request.form(max_part_size=64 * 1024 * 1024) as form:
                fields: Body = {}
                for name, value in form.multi_items():  # several files may share a name
                    fields[name] = fields.get(name, "") + await _value(value)
                return fields
        except Exception:  # noqa: BLE001 (a form that cannot be read is the answering side's to refuse)
            return {}
    try:
        body = json.loads(raw)
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


async def _value(value: UploadFile | str) -> str:
    if isinstance(value, str):
        return value
    return hashlib.sha256(await value.read()).hexdigest()


def _model_of(path: str) -> str:
    return "runway" if path.startswith(f"{KIE_PREFIX}/api/v1/runway/") else ""


def _prompt(body: Body) -> str:
    for name in _PROMPT_FIELDS:
        value = body.get(name)
        if isinstance(value, str):
            return value
        if isinstance(value, list):
            return json.dumps(value, ensure_ascii=False)
    return ""


def _reference(body: Body) -> str:
    for name in REFERENCE_FIELDS:
        if value := body.get(name):
            return value if isinstance(value, str) else json.dumps(value, sort_keys=True)
    return ""


def _digest(place: Place, body: Body, raw: bytes) -> str:
    asked = {name: value for name, value in body.items() if name not in REFERENCE_FIELDS}
    text = json.dumps(asked, sort_keys=True, default=str).encode() if body else raw
    return hashlib.sha256(f"{place.provider}:{place.operation}:".encode() + text).hexdigest()
