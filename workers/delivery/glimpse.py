"""What is seen of a job before it is done: the end of a text that is being written, a bar, a sentence."""

from dataclasses import dataclass
from typing import Final

from schemas.jobs import Kind
from schemas.speech import Html, html, quoted
from workers.delivery.markup import pieces
from workers.delivery.markup_rich import Rich, to_html
from workers.delivery.markup_split import split

MARKDOWN: Final = frozenset({Kind.TEXT_GENERATE})
SHOWN_MAX_UNITS: Final = 3_500
"""Room for a head and a rule beside it in one message."""
TAIL_MAX: Final = 3_200
"""Of a long text only the end is read again and again."""
MORE: Final = "…\n"
_STEPS: Final = 10


@dataclass(slots=True)
class Seen:
    """How far a job is, as far as it has told."""

    kind: Kind
    price_units: int
    share: float = 0.0
    text: str = ""

    @property
    def told(self) -> tuple[int, str]:
        """What a look at it would show."""
        return _percent(self.share), self.text


def draft_text(seen: Seen) -> str:
    """HTML of a draft; empty while nothing is written, which Telegram shows as thinking."""
    return tail(seen.text, markdown=seen.kind in MARKDOWN)


def card_text(seen: Seen, language: str) -> Html:
    """HTML of the card: what runs and what it costs, how far it is, and what a cancel would mean."""
    kind = html(f"kind.{seen.kind.value}", language)
    head = html("live.head", language, kind=kind, price_units=seen.price_units)
    written = tail(seen.text, markdown=seen.kind in MARKDOWN)
    rule = html("live.rule-text" if seen.text else "live.rule-media", language)
    return Html("\n\n".join(part for part in (head, written or _bar(seen, language), rule) if part))


def tail(text: str, *, markdown: bool) -> str:
    """HTML of the end of a text, so much as one message holds."""
    cut = len(text) > TAIL_MAX
    if cut:
        text = text[-TAIL_MAX:]
        rest = text.partition("\n")[2]
        text = rest if len(rest) > TAIL_MAX // 2 else text
    parts = (
        pieces(text, limit_units=SHOWN_MAX_UNITS)
        if markdown
        else tuple(to_html(part) for part in split(Rich(text), limit_units=SHOWN_MAX_UNITS))
    )
    if not parts:
        return ""
    return f"{MORE if cut or len(parts) > 1 else ''}{parts[-1]}"


def _bar(seen: Seen, language: str) -> Html:
    if seen.share <= 0:
        return html("live.working", language)
    full = min(_STEPS, int(seen.share * _STEPS))
    bar = quoted("▓" * full + "░" * (_STEPS - full))
    return html("live.progress", language, bar=bar, percent=_percent(seen.share))


def _percent(share: float) -> int:
    return min(100, int(share * 100))
