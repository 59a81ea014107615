"""parse_mode HTML, with the refusals of the real parser.

The rules and the wording of the refusals are those of the open source server of the Bot API
(github.com/tdlib/td, MessageEntity.cpp, read on 2026-11-21).
"""

import html
import re
from dataclasses import dataclass
from typing import Final

from ops.sandbox.telegram.links import link_entity
from ops.sandbox.telegram.records import Wire
from ops.sandbox.telegram.refusals import BotApiRefusal, bad_request
from ops.sandbox.telegram.text16 import Formatted, Writer, byte_offset

TYPES: Final = {
    "b": "bold", "strong": "bold", "i": "italic", "em": "italic", "u": "underline", "ins": "underline",
    "s": "strikethrough", "strike": "strikethrough", "del": "strikethrough", "code": "code", "pre": "pre",
    "tg-spoiler": "spoiler", "span": "spoiler", "blockquote": "blockquote", "a": "text_link",
    "tg-emoji": "custom_emoji", "tg-time": "date_time",
}  # fmt: skip
_REFERENCE: Final = re.compile(r"&(#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|lt|gt|amp|quot);?")
_NAME: Final = re.compile(r"[^\s>]*")
_ATTRIBUTE: Final = re.compile(r"""[^\s=>/"']*""")
_TOKEN: Final = re.compile(r"[A-Za-z0-9.-]*")
_BLANKS: Final = re.compile(r"\s*")


@dataclass(slots=True)
class _Open:
    tag: str
    argument: str
    offset: int


def parse_html(source: str) -> Formatted:
    """Raises BotApiRefusal 400 `can't parse entities: …`."""
    return _Parser(source).run()


class _Parser:
    def __init__(self, source: str) -> None:
        self._source = source
        self._at = 0
        self._out = Writer()
        self._open: list[_Open] = []
        self._entities: list[Wire] = []

    def run(self) -> Formatted:
        source = self._source
        while self._at < len(source):
            char = source[self._at]
            if char == "<" and source[self._at + 1 : self._at + 2] == "/":
                self._end_tag()
            elif char == "<":
                self._start_tag()
            elif char == "&" and (found := _REFERENCE.match(source, self._at)):
                self._out.write(html.unescape(found[1].join("&;")))
                self._at = found.end()
            else:
                self._out.write(char)
                self._at += 1
        if self._open:
            raise self._refusal(
                f'Can\'t find end tag corresponding to start tag "{self._open[-1].tag}"'
            )
        for entity in self._entities:
            if entity["type"] == "code":
                entity.pop("language", None)
        return Formatted(self._out.text(), self._entities)

    def _start_tag(self) -> None:
        begin = self._at
        name = _NAME.match(self._source, begin + 1)
        assert name is not None  # noqa: S101 (it matches nothing, too)
        if name.end() >= len(self._source):
            raise self._refusal("Unclosed start tag", begin)
        tag = name[0].lower()
        if tag not in TYPES:
            raise self._refusal(f'Unsupported start tag "{tag}"', begin)
        self._at = name.end()
        argument = ""
        while self._source[self._at] != ">":
            argument = self._attribute(tag, begin) or argument
        self._at += 1
        if tag == "span" and argument != "spoiler":
            raise self._refusal('Tag "span" must have class "tg-spoiler"', begin)
        self._open.append(_Open(tag, argument, self._out.length))

    def _attribute(self, tag: str, begin: int) -> str:
        """Read one; its value if it means something to this tag, else nothing."""
        self._skip_blanks(tag, begin)
        if self._source[self._at] == ">":
            return ""
        name = _ATTRIBUTE.match(self._source, self._at)
        if name is None or not name[0]:
            raise self._refusal(f'Empty attribute name in the tag "{tag}"', begin)
        self._at = name.end()
        self._skip_blanks(tag, begin)
        if self._source[self._at] != "=":
            return "1" if (tag, name[0]) == ("blockquote", "expandable") else ""
        self._at += 1
        self._skip_blanks(tag, begin)
        value = self._value()
        if self._at >= len(self._source):
            raise self._refusal("Unclosed start tag", begin)
        return _meaning(tag, name[0], value)

    def _value(self) -> str:
        quote = self._source[self._at]
        if quote in "\"'":
            end = self._source.find(quote, self._at + 1)
            end = len(self._source) if end < 0 else end
            value = self._source[self._at + 1 : end]
            self._at = end + 1
            return _REFERENCE.sub(lambda found: html.unescape(found[1].join("&;")), value)
        token = _TOKEN.match(self._source, self._at)
        assert token is not None  # noqa: S101 (it matches nothing, too)
        after = self._source[token.end() : token.end() + 1]
        if after and not after.isspace() and after != ">":
            raise self._refusal("Unexpected end of name token", self._at)
        self._at = token.end()
        return token[0].lower()

    def _end_tag(self) -> None:
        begin = self._at
        if not self._open:
            raise self._refusal("Unexpected end tag", begin)
        name = _NAME.match(self._source, begin + 2)
        assert name is not None  # noqa: S101 (it matches nothing, too)
        blanks = _BLANKS.match(self._source, name.end())
        self._at = blanks.end() if blanks else name.end()
        if self._source[self._at : self._at + 1] != ">":
            raise self._refusal("Unclosed end tag", begin)
        self._at += 1
        opened, tag = self._open[-1], name[0].lower()
        if tag and tag != opened.tag:
            at = byte_offset(self._source, begin)
            raise self._refusal(
                f"Unmatched end tag at byte offset {at}, "
                f'expected "</{opened.tag}>", found "</{tag}>"'
            )
        self._open.pop()
        if self._out.length > opened.offset:
            self._close(opened)

    def _close(self, opened: _Open) -> None:
        entity: Wire = {
            "type": TYPES[opened.tag],
            "offset": opened.offset,
            "length": self._out.length - opened.offset,
        }
        if opened.tag == "pre":
            entity = self._with_language(entity)
        elif opened.tag == "blockquote" and opened.argument:
            entity["type"] = "expandable_blockquote"
        elif opened.tag == "tg-emoji":
            entity["custom_emoji_id"] = opened.argument
        elif opened.tag == "tg-time":
            entity["unix_time"] = int(opened.argument or 0)
        elif opened.tag == "code" and opened.argument:
            entity["language"] = opened.argument  # only `pre` around it keeps this
        elif opened.tag == "a":
            link = link_entity(opened.argument or self._out.text_from(opened.offset), entity)
            if link is None:
                return
            entity = link
        self._entities.append(entity)

    def _with_language(self, entity: Wire) -> Wire:
        """`<pre><code class="language-…">` is one entity."""
        inner = self._entities[-1] if self._entities else None
        place = (entity["offset"], entity["length"])
        if inner and inner["type"] == "code" and (inner["offset"], inner["length"]) == place:
            self._entities.pop()
            if "language" in inner:
                return entity | {"language": inner["language"]}
        return entity

    def _skip_blanks(self, tag: str, begin: int) -> None:
        blanks = _BLANKS.match(self._source, self._at)
        self._at = blanks.end() if blanks else self._at
        if self._at >= len(self._source):
            raise self._refusal(f'Unclosed start tag "{tag}"', begin)

    def _refusal(self, what: str, index: int | None = None) -> BotApiRefusal:
        where = "" if index is None else f" at byte offset {byte_offset(self._source, index)}"
        return bad_request(f"can't parse entities: {what}{where}")


def _meaning(tag: str, name: str, value: str) -> str:
    if (tag, name) in (("a", "href"), ("tg-emoji", "emoji-id"), ("tg-time", "unix")):
        return value
    if (tag, name) == ("code", "class") and value.startswith("language-"):
        return value.removeprefix("language-")
    if (tag, name) == ("span", "class") and value.startswith("tg-"):
        return value.removeprefix("tg-")
    return "1" if (tag, name) == ("blockquote", "expandable") else ""
