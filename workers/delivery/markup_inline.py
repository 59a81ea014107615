"""Words of a line and their styles: what stands inside a paragraph, a heading or a cell."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from workers.delivery.markup_rich import CODE, LINK, Rich, Span
from workers.delivery.markup_rules import STYLE_OF_TAG, TAG

if TYPE_CHECKING:
    from markdown_it.token import Token

SCHEMES: Final = frozenset({"http", "https", "tg", "mailto"})
ADDRESS_MAX: Final = 2_000
_STYLES: Final = {"strong": "b", "em": "i", "s": "s"}


def inline(token: "Token") -> Rich:
    """The text of an `inline` token."""
    words = _Words()
    children = token.children or []
    partners = _partners(children)
    for place, child in enumerate(children):
        if child.type == TAG:
            words.tag(child, closes=partners.get(place))
        else:
            words.take(child)
    return Rich("".join(words.out), tuple(words.spans))


def safe_address(url: str) -> str:
    """An address that may stand behind a text, or nothing."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    web = parts.scheme in {"http", "https"}
    known = parts.scheme in SCHEMES and bool(parts.hostname if web else parts.netloc + parts.path)
    return url if known and len(url) <= ADDRESS_MAX and not any(c.isspace() for c in url) else ""


@dataclass(slots=True)
class _Words:
    out: list[str] = field(default_factory=list)
    length: int = 0
    spans: list[Span] = field(default_factory=list)
    open_: list[tuple[int, str]] = field(default_factory=list)
    """Where links and styles began; markdown-it closes them in order."""
    tags: dict[str, list[int]] = field(default_factory=dict)

    def take(self, token: "Token") -> None:
        match token.type:
            case "text" | "text_special" | "html_inline":
                self._write(token.content)
            case "softbreak" | "hardbreak":
                self._write("\n")
            case "code_inline" | "formula":
                self._write(token.content, CODE)
            case "image":
                address = str(token.attrs.get("src", ""))
                self._write(token.content or address, LINK, safe_address(address))
            case "link_open":
                self.open_.append((self.length, str(token.attrs.get("href", ""))))
            case "link_close":
                self._close_link()
            case _ if token.nesting > 0:
                self.open_.append((self.length, ""))
            case _ if token.nesting < 0:
                start, _ = self.open_.pop()
                self._style(start, _STYLES.get(token.tag, "s"))
            case _:
                self._write(token.content)

    def tag(self, token: "Token", *, closes: bool | None) -> None:
        """A tag of HTML; one without a partner (`closes` is None) is only text."""
        if token.tag == "br" and not token.info:
            self._write("\n")
        elif closes is None:
            self._write(token.content)
        elif closes:
            self._style(self.tags[token.tag].pop(), STYLE_OF_TAG[token.tag])
        else:
            self.tags.setdefault(token.tag, []).append(self.length)

    def _close_link(self) -> None:
        start, address = self.open_.pop()
        if start == self.length:
            self._write(address)
        if safe_address(address):
            self.spans.append(Span(start, self.length, LINK, address))

    def _write(self, text: str, kind: str = "", value: str = "") -> None:
        start = self.length
        self.out.append(text)
        self.length += len(text)
        if kind and (kind != LINK or value):
            self.spans.append(Span(start, self.length, kind, value))

    def _style(self, start: int, kind: str) -> None:
        self.spans.append(Span(start, self.length, kind))


def _partners(children: "list[Token]") -> dict[int, bool]:
    """Of tags that have a partner: place -> whether it closes."""
    waiting: dict[str, list[int]] = {}
    found: dict[int, bool] = {}
    for place, child in enumerate(children):
        if child.type != TAG or child.tag == "br":
            continue
        if not child.info:
            waiting.setdefault(child.tag, []).append(place)
        elif waiting.get(child.tag):
            found[waiting[child.tag].pop()] = False
            found[place] = True
    return found
