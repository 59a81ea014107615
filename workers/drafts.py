"""What a result looks like in its owner's workspace: the text itself, a preview, a poster."""

import hashlib
import json
from dataclasses import dataclass
from typing import Any, Final

from ops.base.children import ChildFault, Children
from ops.base.logs import get_logger
from schemas.jobs import Kind
from schemas.payloads import AnyPayload, ImageGenerate, TextGenerate, VideoGenerate
from schemas.results import (
    AnyResult,
    FileProcessed,
    ImageAnalyzed,
    TextGenerated,
    TextImproved,
    artifacts_of,
)
from storage.crypto import CONTENT, METADATA, TITLE, DataKey
from storage.jobs import Draft
from workers import previews
from workers.artifacts import Shelf

log = get_logger(__name__)

TITLE_MAX_CHARACTERS: Final = 80
TYPE_OF_KIND: Final[dict[Kind, str]] = {
    Kind.TEXT_IMPROVE: "text",
    Kind.TEXT_GENERATE: "text",
    Kind.FILE_PROCESS: "text",
    Kind.IMAGE_ANALYZE: "text",
    Kind.IMAGE_GENERATE: "ai_art",
    Kind.IMAGE_EDIT: "image",
    Kind.VIDEO_GENERATE: "video",
}
_SOURCE_TYPES: Final[dict[Kind, str]] = {
    Kind.IMAGE_GENERATE: "algorithmicMedia",
    Kind.VIDEO_GENERATE: "algorithmicMedia",
}


@dataclass(frozen=True, slots=True)
class Content:
    data: bytes
    media_type: str


async def make_draft(
    payload: AnyPayload, result: AnyResult, *, shelf: Shelf, make: Children
) -> Draft | None:
    """None when there is nothing to show: a paid result never fails for want of a preview."""
    try:
        content = await _content(result, shelf, make)
    except (ChildFault, ValueError, OSError) as error:
        log.warning("preview.failed", kind=payload.kind, error=type(error).__name__)
        return None
    if content is None or payload.kind not in TYPE_OF_KIND:
        return None
    metadata = {
        "kind": payload.kind.value,
        "media_type": content.media_type,
        "model": result.model,
        "provider": result.provider,
        "made_by": result.made_by,
        "artifacts": [artifact.model_dump(exclude_none=True) for artifact in artifacts_of(result)],
    }
    return _seal(
        shelf.key, TYPE_OF_KIND[payload.kind], title_of(payload, result), content, metadata
    )


def title_of(payload: AnyPayload, result: AnyResult) -> str:
    """The first words of what was asked for, or of what was made."""
    match payload:
        case TextGenerate() | ImageGenerate():
            source = payload.prompt
        case VideoGenerate(prompt=str() as prompt):
            source = prompt
        case _:
            source = _text_of(result) or ", ".join(a.name for a in artifacts_of(result))
    words = " ".join(source.split())
    if len(words) <= TITLE_MAX_CHARACTERS:
        return words or payload.kind.value
    return words[: TITLE_MAX_CHARACTERS - 1].rsplit(" ", 1)[0] + "…"


async def _content(result: AnyResult, shelf: Shelf, make: Children) -> Content | None:
    if text := _text_of(result):
        return Content(text.encode(), "text/plain; charset=utf-8")
    artifacts = artifacts_of(result)
    if not artifacts:
        return None
    is_video = artifacts[0].media_type.startswith("video/")
    draw = previews.video_poster if is_video else previews.image_preview
    mark = _SOURCE_TYPES.get(Kind(result.kind))
    return Content(await make.run(draw, await shelf.load(artifacts[0]), mark), "image/webp")


def _text_of(result: AnyResult) -> str:
    match result:
        case TextImproved() | TextGenerated() | FileProcessed() | ImageAnalyzed():
            return result.text
        case _:
            return ""


def _seal(
    key: DataKey, type_: str, title: str, content: Content, metadata: dict[str, Any]
) -> Draft:
    """The hash is of the plain content: identical content of one person is stored once."""
    return Draft(
        type=type_,
        title=key.encrypt(title.encode(), purpose=TITLE),
        content=key.encrypt(content.data, purpose=CONTENT),
        metadata=key.encrypt(json.dumps(metadata).encode(), purpose=METADATA),
        sha256=hashlib.sha256(content.data).digest(),
        size_bytes=len(content.data),
    )
