"""parse_mode MarkdownV2 and the old Markdown, with the refusals of the real parsers.

The rules and the wording of the refusals are those of the open source server of the Bot API
(github.com/tdlib/td, MessageEntity.cpp, read on 2026-11-21).
"""

import re
from dataclasses import dataclass
from typing import Final

from ops.sandbox.telegram.links import link_entity
from ops.sandbox.telegram.records import Wire
from ops.sandbox.telegram.refusals import BotApiRefusal, bad_request
from ops.sandbox.telegram.text16 import Formatted, Writer, byte_offset

RESERVED: Final = frozenset("_*[]()~`>#+-=|{}.!")
_ESCAPABLE_END: Final = 126
_LANGUAGE: Final = re.compile(r"[^\s`]+(?=\s)")
_NEWLINE: Final = re.compile(r"\r\n|\n\r|\n|\r")
_SIMPLE: Final = {
    "_": "italic", "__": "underline", "*": "bold", "~": "strikethrough", "||": "spoiler", "`": "code",
    "```": "pre", "[": "text_link", "![": "custom_emoji", ">": "blockquote",
}  # fmt: skip
_SHOWN: Final = {
    "italic": "Italic", "underline": "Underline", "bold": "Bold", "strikethrough": "Strikethrough",
    "spoiler": "Spoiler", "code": "Code", "pre": "Pre", "text_link": "TextUrl",
    "custom_emoji": "CustomEmoji", "blockquote": "BlockQuote",
}  # fmt: skip
_CLOSERS: Final = {"[": "]", "![": "]"}


@dataclass(slots=True)
class _Open:
    mark: str
    offset: int
    begin: int
    language: str = ""

    @property
    def type(self) -> str:
        return _SIMPLE[self.mark]


def parse_markdown_v2(source: str) -> Formatted:
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
        while self._at < len(self._source):
            self._step()
        self._end_quote(last=True)
        if self._open:
            raise self._unended()
        return Formatted(self._out.text(), self._entities)

    def _step(self) -> None:
        source, at = self._source, self._at
        char = source[at]
        following = source[at + 1 : at + 2]
        if char == "\\" and "\0" < following <= chr(_ESCAPABLE_END):
            self._out.write(following)
            self._at += 2
        elif self._ends_here():
            self._end()
        elif self._open and self._open[-1].mark in ("`", "```"):
            self._plain()
        elif char == "\n":
            self._new_line()
        elif char == ">" and self._at_line_start():
            if not any(one.mark == ">" for one in self._open):
                self._begin(">")
            else:
                self._at += 1
        elif char in RESERVED:
            self._begin(self._mark())
        else:
            self._plain()

    def _plain(self) -> None:
        self._out.write(self._source[self._at])
        self._at += 1

    def _mark(self) -> str:
        """The longest mark that begins here. Raises BotApiRefusal for a bare reserved character."""
        for mark in ("```", "||", "__", "![", "_", "*", "~", "`", "["):
            if self._source.startswith(mark, self._at):
                return mark
        char = self._source[self._at]
        raise bad_request(
            f"can't parse entities: Character '{char}' is reserved "
            "and must be escaped with the preceding '\\'"
        )

    def _ends_here(self) -> bool:
        if not self._open or self._open[-1].mark == ">":
            return False
        mark = self._open[-1].mark
        closer = _CLOSERS.get(mark, mark)
        if not self._source.startswith(closer, self._at):
            return False
        return not (mark == "_" and self._source.startswith("__", self._at))

    def _begin(self, mark: str) -> None:
        opened = _Open(mark, self._out.length, self._at)
        self._at += len(mark)
        if mark == "```":
            if found := _LANGUAGE.match(self._source, self._at):
                opened.language = found[0]
                self._at = found.end()
            if line := _NEWLINE.match(self._source, self._at):
                self._at = line.end()
        self._open.append(opened)

    def _end(self) -> None:
        opened = self._open.pop()
        self._at += len(_CLOSERS.get(opened.mark, opened.mark))
        url = self._url(opened) if opened.mark in _CLOSERS else ""
        if self._out.length == opened.offset:
            return
        entity = self._entity(opened)
        if opened.mark == "[":
            link = link_entity(url or self._out.text_from(opened.offset), entity)
            if link is not None:
                self._entities.append(link)
            return
        if opened.mark == "![":
            if not url.startswith(("tg://emoji?id=", "tg://time?unix=")):
                raise bad_request(
                    "can't parse entities: Invalid tg://emoji or tg://time URL specified"
                )
            entity["custom_emoji_id"] = url.partition("=")[2]
        self._entities.append(entity)

    def _entity(self, opened: _Open) -> Wire:
        entity: Wire = {
            "type": opened.type,
            "offset": opened.offset,
            "length": self._out.length - opened.offset,
        }
        return entity | ({"language": opened.language} if opened.language else {})

    def _url(self, opened: _Open) -> str:
        """The address in brackets behind a text; a text link may do without."""
        if not self._source.startswith("(", self._at):
            if opened.mark == "![":
                what = "The entity must contain a tg://emoji or tg://time URL"
                raise bad_request(f"can't parse entities: {what}")
            return ""
        begin = self._at + 1
        pieces: list[str] = []
        at = begin
        while at < len(self._source) and self._source[at] != ")":
            if self._source[at] == "\\" and at + 1 < len(self._source):
                at += 1
            pieces.append(self._source[at])
            at += 1
        if at >= len(self._source):
            where = byte_offset(self._source, begin)
            raise bad_request(
                f"can't parse entities: Can't find end of a URL at byte offset {where}"
            )
        self._at = at + 1
        return "".join(pieces)

    def _new_line(self) -> None:
        quoted = any(one.mark == ">" for one in self._open)
        if quoted and not self._source.startswith(">", self._at + 1):
            self._end_quote(last=False)
        self._plain()

    def _at_line_start(self) -> bool:
        return self._at == 0 or self._source[self._at - 1] == "\n"

    def _end_quote(self, *, last: bool) -> None:
        """A quote ends with its last line; `||` at its end makes it expandable."""
        expandable = bool(self._open) and self._open[-1].mark == "||"
        if expandable and self._open[-1].begin == self._at - 2:
            if len(self._open) == 1 or self._open[-2].mark != ">":
                return
            self._open.pop()
        else:
            expandable = False
        if not self._open or (self._open[-1].mark != ">" and last):
            return
        if self._open[-1].mark != ">":
            raise self._unended()
        opened = self._open.pop()
        if self._out.length > opened.offset:
            kind = "expandable_blockquote" if expandable else "blockquote"
            self._entities.append(self._entity(opened) | {"type": kind})

    def _unended(self) -> BotApiRefusal:
        opened = self._open[-1]
        name = "PreCode" if opened.language else _SHOWN[opened.type]
        where = byte_offset(self._source, opened.begin)
        return bad_request(
            f"can't parse entities: Can't find end of {name} entity at byte offset {where}"
        )


_OLD: Final = re.compile(
    r"\\(?P<escaped>[_*`\[])|```(?:(?P<language>\w+)\n)?(?P<pre>.*?)```|`(?P<code>[^`]*)`"
    r"|\*(?P<bold>[^*]*)\*|_(?P<italic>[^_]*)_|\[(?P<label>[^\]]*)\](?:\((?P<url>[^)]*)\))?",
    re.DOTALL,
)


def parse_markdown(source: str) -> Formatted:
    """The old mode: no nesting. Raises BotApiRefusal 400 `can't parse entities: …`."""
    out, entities, at = Writer(), [], 0
    while at < len(source):
        found = _OLD.match(source, at)
        if found is None:
            if source[at] in "_*`[":
                where = byte_offset(source, at)
                what = f"Can't find end of the entity starting at byte offset {where}"
                raise bad_request(f"can't parse entities: {what}")
            out.write(source[at])
            at += 1
            continue
        entity = _old_entity(found, out)
        if entity is not None:
            entities.append(entity)
        at = found.end()
    return Formatted(out.text(), entities)


def _old_entity(found: re.Match[str], out: Writer) -> Wire | None:
    """Write the text of one mark; its entity unless it is empty or only an escaped character."""
    offset = out.length
    name = found.lastgroup or ""
    if found["label"] is not None:
        name = "label"
    out.write(found[name] or "")
    if name == "escaped" or out.length == offset:
        return None
    entity: Wire = {"type": name, "offset": offset, "length": out.length - offset}
    if name == "label":
        return link_entity(found["url"] or found["label"], entity)
    return entity | ({"language": found["language"]} if found["language"] else {})
