"""What models write, Markdown, as messages that Telegram takes.

    Markdown -> tokens (markdown-it) -> text and styles (`markup_rich`) -> parts -> HTML

Nothing that can be read is lost: what Telegram has no form for (headings, lists, tables, formulas) is
written with what it has, and marks without a partner stay as they are.
"""

import asyncio
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from workers.delivery.markup_inline import inline
from workers.delivery.markup_rich import MESSAGE_MAX_UNITS, PRE, QUOTE, Rich, Span, to_html
from workers.delivery.markup_rules import reader, too_deep
from workers.delivery.markup_split import split
from workers.delivery.markup_tables import table

if TYPE_CHECKING:
    from markdown_it.token import Token

AT_ONCE_MAX: Final = 4_000
"""Characters that are read in the loop; more would hold it too long."""
RULE: Final = "———"
_LANGUAGE: Final = re.compile(r"[A-Za-z0-9_+#.-]{1,32}")
_BULLETS: Final = ("•", "◦", "▪")
_INDENT: Final = "  "
_STYLED: Final = frozenset({"heading_open", "blockquote_open"})
_TASKS: Final = {"[ ] ": "☐ ", "[x] ": "☑ ", "[X] ": "☑ "}
_BLANKS: Final = re.compile(r"[\x0b\x0c\x1c-\x1f]")
_UNSENDABLE: Final = re.compile(r"[\x00-\x08\x0e-\x1b\x7f\ud800-\udfff]")


def pieces(markdown: str, *, limit_units: int = MESSAGE_MAX_UNITS) -> tuple[str, ...]:
    """Messages in Telegram's HTML, each of at most `limit_units` once its tags are read.

    Empty only when there is nothing to see in `markdown`. A page takes some ten milliseconds.
    """
    return tuple(to_html(part) for part in split(rich(markdown), limit_units=limit_units))


async def long_pieces(markdown: str, *, limit_units: int = MESSAGE_MAX_UNITS) -> tuple[str, ...]:
    """`pieces` for a text that may be long: read in a thread, so that the loop goes on."""
    if len(markdown) <= AT_ONCE_MAX:
        return pieces(markdown, limit_units=limit_units)
    return await asyncio.to_thread(pieces, markdown, limit_units=limit_units)


def plain(markdown: str) -> str:
    """What can be read in it, without marks."""
    return rich(markdown).text.strip()


def rich(markdown: str) -> Rich:
    """The text and its styles; the source as it is where reading it would lose something."""
    source = _BLANKS.sub(" ", markdown.replace("\r\n", "\n").replace("\r", "\n"))
    source = _UNSENDABLE.sub("\ufffd", source)
    tokens = reader().parse(source)
    if too_deep(tokens):
        return Rich(source)
    page = _Page(source.split("\n"))
    page.write(tokens)
    made = Rich("".join(page.out), tuple(page.spans))
    return made if made.text.strip() else Rich(source)


@dataclass(slots=True)
class _Page:
    """Blocks, one under the other, as far apart as they are in the source."""

    lines: list[str]
    """The source."""
    out: list[str] = field(default_factory=list)
    length: int = 0
    spans: list[Span] = field(default_factory=list)
    styles: list[int] = field(default_factory=list)
    """Where the headings and quotes that are open began."""
    depth: int = 0
    """Lists in lists."""
    quotes: int = 0
    lead: str = ""
    """The bullet or number of an item that has no text yet."""
    line_end: int = 0
    """The line of the source below the last block."""
    begun: bool = True
    """Nothing stands yet where the next block comes."""

    def write(self, tokens: "list[Token]") -> None:
        at = 0
        while at < len(tokens):
            token = tokens[at]
            if token.type == "table_open":
                end = next(n for n in range(at, len(tokens)) if tokens[n].type == "table_close")
                self._put(table(tokens[at:end], self.lines), token)
                at = end
            else:
                self._take(token)
            at += 1

    def _take(self, token: "Token") -> None:
        match token.type:
            case "inline":
                self._put(inline(self._with_box(token)), token)
            case "fence" | "code_block":
                self._code(token)
            case "hr":
                self._put(Rich(RULE), token)
            case "list_item_open":
                self._item(token)
            case "list_item_close" if self.lead:  # an item of nothing but its number
                self._put(Rich(""), None)
            case _ if token.nesting > 0:
                self._open(token)
            case _:
                self._close(token)

    def _open(self, token: "Token") -> None:
        self.depth += token.type.endswith("_list_open")
        if token.type in _STYLED:
            self._begin(token)
            self.styles.append(self.length)
            self.quotes += token.type == "blockquote_open"

    def _close(self, token: "Token") -> None:
        self.depth -= token.type.endswith("_list_close")
        if token.type == "heading_close":
            self.spans.append(Span(self.styles.pop(), self.length, "b"))
        elif token.type == "blockquote_close":
            self.quotes -= 1
            start = self.styles.pop()
            if not self.quotes:  # Telegram knows no quotes in quotes
                self.spans.append(Span(start, self.length, QUOTE))

    def _item(self, token: "Token") -> None:
        bullet = _BULLETS[min(self.depth, len(_BULLETS)) - 1]
        mark = f"{token.info}{token.markup}" if token.info else bullet
        indent = "" if self.lead else _INDENT * (self.depth - 1)
        self.lead = f"{self.lead}{indent}{mark} "

    def _code(self, token: "Token") -> None:
        """Fences name a language, and sometimes a file or more."""
        content = token.content.rstrip("\n")
        name, _, more = token.info.strip().partition(" ")
        if not _LANGUAGE.fullmatch(name) or not content.strip():
            name, more = "", token.info.strip()
        if more:
            self._put(Rich(more), token)
        if content.strip():
            self._put(Rich(content, (Span(0, len(content), PRE, name),)), token)

    def _with_box(self, token: "Token") -> "Token":
        """`[x]` at the beginning of an item is a box with a mark in it."""
        first = (token.children or [token])[0]
        if self.lead and (box := _TASKS.get(first.content[:4])):
            first.content = box + first.content[4:]
        return token

    def _put(self, block: Rich, token: "Token | None") -> None:
        code = any(span.kind == PRE for span in block.spans)
        continued = bool(self.depth) and not self.lead and not self.begun and not code
        self._begin(token)
        if continued:
            self._write(_INDENT * self.depth)
        at = self.length
        self._write(block.text)
        self.spans += (Span(at + s.start, at + s.end, s.kind, s.value) for s in block.spans)
        self.begun = False
        if token is not None and token.map:
            self.line_end = max(self.line_end, token.map[1])

    def _begin(self, token: "Token | None") -> None:
        """As far below the last block as in the source; then the bullet, if one waits."""
        line = token.map[0] if token is not None and token.map else self.line_end
        if not self.begun:
            self._write("\n\n" if line > self.line_end else "\n")
        self.begun = True
        self._write(self.lead)
        self.lead = ""

    def _write(self, text: str) -> None:
        self.out.append(text)
        self.length += len(text)
