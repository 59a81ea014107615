"""The parameters of a call, however they came: query string, form, multipart form or JSON."""

import json
import mimetypes
from dataclasses import dataclass, field
from typing import Annotated, Any, Final

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException
from starlette.requests import Request

from ops.sandbox.telegram.files import Upload
from ops.sandbox.telegram.records import Wire
from ops.sandbox.telegram.refusals import BotApiRefusal, bad_request

BODY_MAX_BYTES: Final = 60 * 1024 * 1024
FIELDS_MAX: Final = 200


def _from_json(value: Any) -> Any:
    """Forms carry lists and objects as JSON text."""
    if not isinstance(value, str):
        return value
    if not value.strip():
        return None
    try:
        return json.loads(value)
    except ValueError:
        msg = "JSON"
        raise ValueError(msg) from None


def _as_text(value: Any) -> Any:
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


Json = Annotated[Any, BeforeValidator(_from_json)]
JsonList = Annotated[list[Any] | None, BeforeValidator(_from_json)]
Text = Annotated[str | None, BeforeValidator(_as_text)]


class Params(BaseModel):
    """The base of all: unknown parameters are ignored, as the real server ignores them."""

    model_config = ConfigDict(extra="ignore")

    chat_id: Text = None


class NoParams(Params):
    pass


@dataclass(slots=True)
class Sent:
    """One call as it arrived; `files` by the name of their part of the form."""

    fields: Wire = field(default_factory=dict)
    files: dict[str, Upload] = field(default_factory=dict)


async def read(request: Request) -> Sent:
    """Raises BotApiRefusal 400 for a body that cannot be read, 413 for one too large."""
    length = request.headers.get("content-length", "0")
    if length.isdecimal() and int(length) > BODY_MAX_BYTES:
        raise BotApiRefusal(413, "Request Entity Too Large")
    sent = Sent(dict(request.query_params))
    kind = request.headers.get("content-type", "")
    if kind.startswith("application/json"):
        sent.fields |= await _json_body(request)
    elif kind.startswith(("multipart/form-data", "application/x-www-form-urlencoded")):
        await _form_body(request, sent)
    return sent


def parse(model: type[Params], fields: Wire) -> Any:
    """Raises BotApiRefusal 400 naming the first parameter that is wrong."""
    try:
        return model.model_validate(fields)
    except ValidationError as error:
        where = error.errors()[0]["loc"]
        name = str(where[0]) if where else "parameters"
        raise bad_request(f"can't parse {name}") from None


async def _json_body(request: Request) -> Wire:
    try:
        body = await request.json()
    except ValueError:
        raise bad_request("can't parse JSON object") from None
    if not isinstance(body, dict):
        raise bad_request("object expected as JSON body")
    return body


async def _form_body(request: Request, sent: Sent) -> None:
    try:
        async with request.form(
            max_files=FIELDS_MAX, max_fields=FIELDS_MAX, max_part_size=BODY_MAX_BYTES
        ) as form:
            for name, value in form.multi_items():
                if isinstance(value, UploadFile):
                    sent.files[name] = Upload(
                        await value.read(),
                        value.filename or "file",
                        _type_of(value),
                    )
                else:
                    sent.fields[name] = value
    except (MultiPartException, ValueError):
        raise bad_request("can't parse the form") from None


def _type_of(value: UploadFile) -> str:
    given = value.content_type or ""
    if given and given != "application/octet-stream":
        return given
    return mimetypes.guess_type(value.filename or "")[0] or "application/octet-stream"
