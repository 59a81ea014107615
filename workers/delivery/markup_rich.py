"""Text with styles beside it, as Telegram keeps it, and how it is written as Telegram's HTML.

Styles are ranges over plain text, so cutting a text never cuts a tag. Telegram counts a text's length in
UTF-16 units after its tags are read (core.telegram.org/bots/api, "Formatting options").
"""

from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from itertools import pairwise
from typing import Final

MESSAGE_MAX_UNITS: Final = 4096
CAPTION_MAX_UNITS: Final = 1024
_LAST_OF_ONE_UNIT: Final = 0xFFFF

QUOTE: Final = "blockquote"
PRE: Final = "pre"
CODE: Final = "code"
LINK: Final = "a"
_ORDER: Final = (QUOTE, PRE, LINK, "tg-spoiler", "b", "i", "u", "s", CODE)
"""From the outside in. Nothing stands inside `pre`, and a link is worth more than code in it."""
_APART: Final = frozenset({QUOTE, PRE, LINK})
"""Two of these side by side are two."""


@dataclass(frozen=True, slots=True)
class Span:
    """A style over `text[start:end]`. `value`: the address of a link, the language of a `pre`."""

    start: int
    end: int
    kind: str
    value: str = ""


@dataclass(frozen=True, slots=True)
class Rich:
    text: str
    spans: tuple[Span, ...] = ()

    def part(self, start: int, end: int) -> "Rich":
        """`text[start:end]` with the styles it has there."""
        kept = (
            Span(max(span.start, start) - start, min(span.end, end) - start, span.kind, span.value)
            for span in self.spans
            if span.start < end and start < span.end
        )
        return Rich(self.text[start:end], tuple(kept))

    def shown(self) -> "Rich":
        """Without what Telegram would cut off: blanks at both ends, but for those in code."""
        code = [span for span in self.spans if span.kind == PRE]
        start = len(self.text) - len(self.text.lstrip())
        end = len(self.text.rstrip())
        first = min((span.start for span in code), default=start)
        if first < start:
            line = self.text.rfind("\n", first, start) + 1
            start = max(first, line)
        return self.part(start, max(start, end))


def units(text: str) -> int:
    """The length of a text in UTF-16 units."""
    return len(text) + sum(char > chr(_LAST_OF_ONE_UNIT) for char in text)


def to_html(rich: Rich) -> str:
    """Balanced tags and escaped text, whatever the ranges are."""
    out: list[str] = []
    open_: list[tuple[Span, str]] = []
    for start, end, wanted in _stretches(rich):
        names = [_identity(span) for span in wanted]
        common = 0
        for (_, name), other in zip(open_, names, strict=False):
            if name != other:
                break
            common += 1
        while len(open_) > common:
            out.append(_closing(open_.pop()[0]))
        for span, name in zip(wanted[common:], names[common:], strict=True):
            out.append(_opening(span))
            open_.append((span, name))
        out.append(escape(rich.text[start:end], quote=False))
    out.extend(_closing(span) for span, _ in reversed(open_))
    return "".join(out)


def _stretches(rich: Rich) -> Iterator[tuple[int, int, list[Span]]]:
    """The text in parts of one style each, with the tags around it from the outside in."""
    spans = sorted(
        (span for span in rich.spans if span.start < span.end), key=lambda one: one.start
    )
    ends = {0, len(rich.text)}
    ends.update(span.start for span in spans)
    ends.update(span.end for span in spans)
    cuts = sorted(cut for cut in ends if 0 <= cut <= len(rich.text))
    active: list[Span] = []
    ahead = 0
    for start, end in pairwise(cuts):
        while ahead < len(spans) and spans[ahead].start <= start:
            active.append(spans[ahead])
            ahead += 1
        active = [span for span in active if span.end > start]
        yield start, end, _nested(active)


def _nested(active: list[Span]) -> list[Span]:
    """One of each kind, in order; alone inside `pre`, and code alone but in a link or a quote."""
    by_kind = {span.kind: span for span in active}
    chosen = [by_kind[kind] for kind in _ORDER if kind in by_kind]
    if PRE in by_kind:
        return [span for span in chosen if span.kind in {QUOTE, PRE}]
    if CODE in by_kind and LINK not in by_kind:
        return [span for span in chosen if span.kind in {QUOTE, CODE}]
    return [span for span in chosen if span.kind != CODE]


def _identity(span: Span) -> str:
    return f"{span.kind} {span.start} {span.value}" if span.kind in _APART else span.kind


def _opening(span: Span) -> str:
    if span.kind == LINK:
        return f'<a href="{escape(span.value)}">'
    if span.kind == PRE and span.value:
        return f'<pre><code class="language-{escape(span.value)}">'
    return f"<{span.kind}>"


def _closing(span: Span) -> str:
    return "</code></pre>" if span.kind == PRE and span.value else f"</{span.kind}>"
