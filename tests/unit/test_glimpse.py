"""What is seen of a job before it is done fits into one message and is what Telegram can read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.sandbox.telegram.entities import message_text
from ops.sandbox.telegram.text16 import len16
from schemas.jobs import Kind
from schemas.texts import languages
from workers.delivery.glimpse import Seen, card_text, draft_text, tail


@pytest.mark.parametrize("language", languages())
@pytest.mark.parametrize("kind", Kind)
def test_every_kind_has_a_card_in_every_language(kind: Kind, language: str) -> None:
    for seen in (Seen(kind, 0), Seen(kind, 15_000, 0.42), Seen(kind, 10_000, 1.0, "**words**")):
        said = card_text(seen, language)
        assert message_text(said, "HTML", None)["text"]
        assert "…" not in said or not seen.share


def test_a_bar_shows_how_far_it_is() -> None:
    assert "▓▓▓▓░░░░░░ 42%" in card_text(Seen(Kind.IMAGE_GENERATE, 0, 0.42), "en")
    assert "▓▓▓▓▓▓▓▓▓▓ 100%" in card_text(Seen(Kind.IMAGE_GENERATE, 0, 1.5), "en")


def test_the_rule_of_a_cancel_is_said_for_what_it_is() -> None:
    assert "pay only for what is written" in card_text(Seen(Kind.TEXT_IMPROVE, 0, text="a"), "en")
    assert "runs to its end" in card_text(Seen(Kind.VIDEO_GENERATE, 0, 0.5), "en")


def test_only_what_is_markdown_is_read_as_such() -> None:
    assert draft_text(Seen(Kind.TEXT_GENERATE, 0, text="**b** <")) == "<b>b</b> &lt;"
    assert draft_text(Seen(Kind.TEXT_IMPROVE, 0, text="**b** <")) == "**b** &lt;"
    assert draft_text(Seen(Kind.TEXT_GENERATE, 0)) == ""


@given(st.text("ab *_`\n<😀", max_size=40), st.integers(0, 400), st.booleans())
def test_the_end_of_a_text_fits_into_a_message(text: str, times: int, markdown: bool) -> None:
    shown = tail(text * times, markdown=markdown)
    if not shown:
        assert not (text * times).strip()
        return
    assert len16(message_text(shown, "HTML", None)["text"]) <= 3_600


def test_of_a_long_text_the_end_is_shown() -> None:
    long = "\n".join(f"line {number}" for number in range(5_000))
    for markdown in (True, False):
        shown = tail(long, markdown=markdown)
        assert shown.startswith("…\n")
        assert shown.endswith("line 4999")
        assert len(shown) > 1_000
