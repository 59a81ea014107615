"""Photos, videos, animations, documents and albums: sent, edited and handed out again."""

import secrets
from typing import Any, Final

from ops.sandbox.telegram import wire
from ops.sandbox.telegram.entities import caption
from ops.sandbox.telegram.fetching import fetch
from ops.sandbox.telegram.files import DOWNLOAD_MAX_BYTES, PHOTO_MAX_BYTES, Upload
from ops.sandbox.telegram.methods.method import Method
from ops.sandbox.telegram.params import Json, JsonList
from ops.sandbox.telegram.params import Params as Base
from ops.sandbox.telegram.records import Message, StoredFile, Wire
from ops.sandbox.telegram.refusals import bad_request
from ops.sandbox.telegram.visit import EditParams, SendParams, Visit

ALBUM_LEAST: Final = 2
ALBUM_MOST: Final = 10
PHOTO_URL_MAX_BYTES: Final = 5 * 1024 * 1024
_KINDS: Final = ("photo", "video", "animation", "document")
_CAPTIONS: Final = ("caption", "caption_entities", "show_caption_above_media")


class Captioned(Base):
    caption: str | None = None
    parse_mode: str | None = None
    caption_entities: JsonList = None
    show_caption_above_media: bool = False
    has_spoiler: bool = False


class SendMedia(Captioned, SendParams):
    photo: str | None = None
    video: str | None = None
    animation: str | None = None
    document: str | None = None


class SendAlbum(SendParams):
    media: JsonList = None


class EditMedia(EditParams):
    media: Json = None


class EditCaption(Captioned, EditParams):
    pass


class GetFile(Base):
    file_id: str | None = None


async def send_photo(visit: Visit, params: SendMedia) -> Wire:
    return await _send(visit, params, "photo", params.photo)


async def send_video(visit: Visit, params: SendMedia) -> Wire:
    return await _send(visit, params, "video", params.video)


async def send_animation(visit: Visit, params: SendMedia) -> Wire:
    return await _send(visit, params, "animation", params.animation)


async def send_document(visit: Visit, params: SendMedia) -> Wire:
    return await _send(visit, params, "document", params.document)


async def send_album(visit: Visit, params: SendAlbum) -> list[Wire]:
    """All of it or nothing. The sandbox insists on 2 to 10, as the documents do."""
    items = params.media or []
    if len(items) > ALBUM_MOST:
        raise bad_request("too many messages to send as an album")
    if len(items) < ALBUM_LEAST:
        raise bad_request("an album must have 2-10 items")
    chat = visit.open_chat(params.chat_id)
    contents = [await _input_media(visit, item) for item in items]
    if len({"document" in one for one in contents}) > 1 or any("animation" in c for c in contents):
        raise bad_request("can't use the media of the specified type in the album")
    reply_to = visit.reply_to(chat, params)
    visit.admit(chat, count=len(items))
    album = str(secrets.randbelow(2**53) + 2**52)
    sent = [
        visit.place(chat, content | {"media_group_id": album}, reply_to=reply_to)
        for content in contents
    ]
    return [visit.world.message_wire(one) for one in sent]


async def edit_media(visit: Visit, params: EditMedia) -> Any:
    place = visit.editable(params)
    content = await _input_media(visit, params.media)
    if "media_group_id" in place[1].content:
        content["media_group_id"] = place[1].content["media_group_id"]
    return visit.change(params, content, place)


async def edit_caption(visit: Visit, params: EditCaption) -> Any:
    chat, message = visit.editable(params)
    if not _has_media(message):
        raise bad_request("there is no caption in the message to edit")
    kept = {name: value for name, value in message.content.items() if name not in _CAPTIONS}
    return visit.change(params, kept | _captions(params), (chat, message))


async def get_file(visit: Visit, params: GetFile) -> Wire:
    file = visit.world.files.get(params.file_id or "")
    if file is None:
        raise bad_request("invalid file_id")
    if file.size_bytes > DOWNLOAD_MAX_BYTES:
        raise bad_request("file is too big")
    return wire.file(file)


async def _send(visit: Visit, params: SendMedia, kind: str, spec: str | None) -> Wire:
    captions = _captions(params)
    chat = visit.open_chat(params.chat_id)
    content = await _media(visit, kind, spec or kind)
    return visit.world.message_wire(visit.send(chat, content | captions, params))


async def _input_media(visit: Visit, item: Any) -> Wire:
    """InputMedia -> the content of a message. Raises BotApiRefusal 400."""
    if not isinstance(item, dict) or item.get("type") not in _KINDS:
        raise bad_request("can't parse InputMedia: expected an Object of a known type")
    captions = _captions(Captioned.model_validate(item))
    return await _media(visit, item["type"], str(item.get("media", ""))) | captions


async def _media(visit: Visit, kind: str, spec: str) -> Wire:
    """A part of the form, an address or a file id -> the media of a message."""
    part = visit.files.get(spec.removeprefix("attach://"))
    if part is None and spec.startswith(("http://", "https://")):
        most = PHOTO_URL_MAX_BYTES if kind == "photo" else DOWNLOAD_MAX_BYTES
        part = await fetch(spec, most_bytes=most)
    if part is not None:
        return await _stored(visit, kind, part)
    if spec == kind:
        raise bad_request(f"there is no {kind} in the request")
    known = visit.world.files.get(spec)
    if known is None:
        raise bad_request("wrong file identifier/HTTP URL specified")
    return _again(kind, known)


async def _stored(visit: Visit, kind: str, part: Upload) -> Wire:
    files = visit.world.files
    if kind == "photo":
        if len(part.data) > PHOTO_MAX_BYTES:
            size = len(part.data)
            raise bad_request(f"file of size {size} bytes is too big for a photo")
        return await files.add_photo(part)
    if kind == "document":
        return await files.add_document(part)
    return await files.add_video(part, kind)


def _again(kind: str, known: StoredFile) -> Wire:
    """A file that is already there. Raises BotApiRefusal 400 when it is of another kind."""
    if (kind == "photo") != known.path.startswith("photos/"):
        raise bad_request(f"can't use file of type {known.path.split('/')[0]} as {kind}")
    if kind == "photo":
        return {"photo": [wire.photo_size(known)]}
    return {kind: wire.document(known) if kind == "document" else wire.video(known)}


def _captions(params: Captioned) -> Wire:
    shown = caption(params.caption, params.parse_mode, params.caption_entities)
    if params.show_caption_above_media and "caption" in shown:
        shown["show_caption_above_media"] = True
    return shown | ({"has_media_spoiler": True} if params.has_spoiler else {})


def _has_media(message: Message) -> bool:
    return any(kind in message.content for kind in _KINDS)


METHODS: Final = (
    Method("sendPhoto", SendMedia, send_photo),
    Method("sendVideo", SendMedia, send_video),
    Method("sendAnimation", SendMedia, send_animation),
    Method("sendDocument", SendMedia, send_document),
    Method("sendMediaGroup", SendAlbum, send_album),
    Method("editMessageMedia", EditMedia, edit_media),
    Method("editMessageCaption", EditCaption, edit_caption),
    Method("getFile", GetFile, get_file),
)
