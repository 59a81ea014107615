"""A text as bots and people send it -> the text and entities that everyone is shown."""

import re
from typing import Any, Final

from ops.sandbox.telegram.links import clean_url
from ops.sandbox.telegram.markup_html import parse_html
from ops.sandbox.telegram.markup_markdown import parse_markdown, parse_markdown_v2
from ops.sandbox.telegram.records import Wire
from ops.sandbox.telegram.refusals import bad_request
from ops.sandbox.telegram.text16 import Formatted, len16

TEXT_MAX: Final = 4096
CAPTION_MAX: Final = 1024
RAW_MAX_BYTES: Final = 1 << 15
_PARSERS: Final = {
    "html": parse_html,
    "markdownv2": parse_markdown_v2,
    "markdown": parse_markdown,
}
_FOUND: Final = re.compile(
    r"(?P<bot_command>(?<![\w/@])/[A-Za-z0-9_]{1,64}(@[A-Za-z0-9_]{3,32})?\b)"
    r"|(?P<email>(?<![\w.+-])[\w.+-]+@[\w-]+(\.[\w-]+)+)"
    r"|(?P<mention>(?<![\w@])@[A-Za-z0-9_]{3,32}\b)"
    r"|(?P<url>(?<![\w@.])(https?://[^\s<>\"']*[^\s<>\"'.,:;!?)\]]|([\w-]+\.)+(com|org|net|io|dev|ru|me)\b(/[^\s<>\"']*[^\s<>\"'.,:;!?)\]])?))"
    r"|(?P<hashtag>(?<![\w#])#[^\W\d]\w{0,255})"
)
_KEPT: Final = (
    "type",
    "offset",
    "length",
    "url",
    "user",
    "language",
    "custom_emoji_id",
    "unix_time",
)


def formatted(text: str | None, parse_mode: str | None, entities: list[Wire] | None) -> Formatted:
    """Raises BotApiRefusal 400 for markup that cannot be read."""
    text = (text or "").replace("\r", "")
    if len(text.encode("utf-8", "replace")) > RAW_MAX_BYTES:
        raise bad_request("text is too long")
    mode = (parse_mode or "none").lower()
    if mode != "none":
        parser = _PARSERS.get(mode)
        if parser is None:
            raise bad_request("unsupported parse_mode")
        parsed = parser(text)
    else:
        parsed = Formatted(text, [_given(one, text) for one in entities or []])
    return _with_found(parsed.trimmed())


def message_text(text: str | None, parse_mode: str | None, entities: list[Wire] | None) -> Wire:
    """`text` and `entities` of a message. Raises BotApiRefusal 400: empty, too long, unreadable."""
    ready = formatted(text, parse_mode, entities)
    if not ready.text:
        raise bad_request("message text is empty")
    if len16(ready.text) > TEXT_MAX:
        raise bad_request("message is too long")
    return fields("text", "entities", ready)


def caption(text: str | None, parse_mode: str | None, entities: list[Wire] | None) -> Wire:
    """`caption` and `caption_entities`, or nothing. Raises BotApiRefusal 400."""
    ready = formatted(text, parse_mode, entities)
    if len16(ready.text) > CAPTION_MAX:
        raise bad_request("message caption is too long")
    return fields("caption", "caption_entities", ready)


def fields(text_name: str, entities_name: str, ready: Formatted) -> Wire:
    shown: Wire = {text_name: ready.text} if ready.text else {}
    return shown | ({entities_name: ready.entities} if ready.entities else {})


def _given(entity: Any, text: str) -> Wire:
    """An entity that the bot made itself. Raises BotApiRefusal 400."""
    if not isinstance(entity, dict):
        raise bad_request("can't parse MessageEntity: expected an Object")
    kept = {name: entity[name] for name in _KEPT if entity.get(name) is not None}
    if not {"type", "offset", "length"} <= kept.keys():
        raise bad_request("can't parse MessageEntity: Can't find field")
    start, end = int(kept["offset"]), int(kept["offset"]) + int(kept["length"])
    if start < 0 or end < start or end > len16(text):
        what = f"entity beginning at UTF-16 offset {start} ends after the end of the text"
        raise bad_request(f"{what} at UTF-16 offset {end}")
    if kept["type"] == "text_link" and (url := clean_url(str(kept.get("url", "")))):
        kept["url"] = url
    return kept


def _with_found(ready: Formatted) -> Formatted:
    """Commands, mentions, addresses and hashtags are entities without anybody's marking them."""
    taken = [
        (one["offset"], one["offset"] + one["length"])
        for one in ready.entities
        if one["type"] in ("code", "pre", "text_link", "text_mention")
    ]
    known = {(one["type"], one["offset"]) for one in ready.entities}
    for found in _FOUND.finditer(ready.text):
        offset = len16(ready.text[: found.start()])
        length = len16(found[0])
        name = next(name for name, value in found.groupdict().items() if value)
        if (name, offset) in known or any(a < offset + length and offset < b for a, b in taken):
            continue
        ready.entities.append({"type": name, "offset": offset, "length": length})
    ready.entities.sort(key=lambda one: (one["offset"], -one["length"]))
    return ready
