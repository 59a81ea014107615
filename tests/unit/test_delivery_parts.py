"""What an outcome means, and in which form a file is sent."""

import pytest
from aiogram.exceptions import (
    ClientDecodeError,
    TelegramBadRequest,
    TelegramEntityTooLarge,
    TelegramForbiddenError,
    TelegramMigrateToChat,
    TelegramNetworkError,
    TelegramNotFound,
    TelegramRetryAfter,
    TelegramServerError,
)
from aiogram.methods import SendMessage
from aiohttp import ClientConnectorError

from schemas.results import Artifact
from workers.delivery.letters import fits_caption, without_tags
from workers.delivery.outcomes import (
    Flood,
    Gone,
    Later,
    Moved,
    Outcome,
    Refused,
    Unknown,
    Why,
    outcome_of,
)
from workers.delivery.parts import Album, File, file_of, grouped, shortened, units

METHOD = SendMessage(chat_id=1, text="x")


async def load() -> bytes:
    return b""


def artifact(media_type: str = "image/png", **facts: object) -> Artifact:
    told = {"key": "k", "name": "n", "media_type": media_type, "size_bytes": 10, "sha256": ""}
    return Artifact.model_validate(told | facts)


def shown(**facts: object) -> File:
    made = file_of(artifact(**facts), load)  # type: ignore[arg-type]
    assert made is not None
    return made


@pytest.mark.parametrize(
    ("said", "kind", "why"),
    [
        ("Bad Request: can't parse entities: byte 3", Refused, Why.PARSE),
        ("Bad Request: message is not modified", Refused, Why.SAME),
        ("Bad Request: message to edit not found", Refused, Why.UNEDITABLE),
        ("Bad Request: PHOTO_INVALID_DIMENSIONS", Refused, Why.MEDIA),
        ("Bad Request: message is too long", Refused, Why.OTHER),
        ("Bad Request: chat not found", Gone, None),
        ("Bad Request: not enough rights to send text messages to the chat", Gone, None),
    ],
)
def test_a_bad_request_is_a_refusal_of_some_kind(
    said: str, kind: type[Outcome], why: Why | None
) -> None:
    outcome = outcome_of(TelegramBadRequest(METHOD, said))
    assert type(outcome) is kind
    assert getattr(outcome, "why", None) is why


def test_only_what_may_have_been_done_is_unknown() -> None:
    unreachable = TelegramNetworkError(METHOD, "x")
    unreachable.__cause__ = ClientConnectorError(None, OSError())  # type: ignore[arg-type]
    assert isinstance(outcome_of(unreachable), Later)
    for error in (
        TelegramNetworkError(METHOD, "Request timeout error"),
        TelegramServerError(METHOD, "x"),
        ClientDecodeError("x", ValueError(), {}),
        TimeoutError(),
        RuntimeError(),
    ):
        assert type(outcome_of(error)) is Unknown


def test_the_rest_is_known_not_to_have_been_done() -> None:
    flood = outcome_of(TelegramRetryAfter(METHOD, "x", retry_after=17))
    assert isinstance(flood, Flood)
    assert (flood.wait_s, flood.counted) == (17, False)
    moved = outcome_of(TelegramMigrateToChat(METHOD, "x", migrate_to_chat_id=-1009))
    assert isinstance(moved, Moved)
    assert moved.chat_id == -1009
    assert isinstance(outcome_of(TelegramForbiddenError(METHOD, "x")), Gone)
    assert isinstance(outcome_of(TelegramNotFound(METHOD, "x")), Later)
    large = outcome_of(TelegramEntityTooLarge(METHOD, "x"))
    assert isinstance(large, Refused)
    assert large.why is Why.MEDIA


@pytest.mark.parametrize(
    ("facts", "how"),
    [
        ({"width": 100, "height": 100}, "photo"),
        ({"width": 2_000, "height": 100}, "photo"),
        ({"width": 2_001, "height": 100}, "document"),
        ({"width": 9_000, "height": 1_001}, "document"),
        ({"size_bytes": 10_000_001}, "document"),
        ({"media_type": "video/mp4"}, "video"),
        ({"media_type": "video/webm"}, "document"),
        ({"media_type": "application/pdf"}, "document"),
    ],
)
def test_a_file_is_what_telegram_takes_it_as(facts: dict[str, object], how: str) -> None:
    assert shown(**facts).how == how


def test_what_is_too_large_is_not_sent() -> None:
    assert file_of(artifact(size_bytes=50_000_001), load) is None


def test_albums_have_two_to_ten_of_a_kind() -> None:
    photos = [shown(name=str(n)) for n in range(11)]
    papers = [shown(media_type="application/pdf") for _ in range(2)]
    groups = grouped([*photos, *papers], caption="words")
    assert [len(g.files) if isinstance(g, Album) else 1 for g in groups] == [10, 1, 2]
    first = groups[0]
    assert isinstance(first, Album)
    assert [file.caption for file in first.files[:2]] == ["words", ""]


def test_lengths_are_counted_as_telegram_counts_them() -> None:
    assert units("a😀") == 3
    assert fits_caption("<b>" + "x" * 1_024 + "</b>")
    assert not fits_caption("x" * 1_025)
    assert without_tags("<b>a</b> &lt; b") == "a < b"
    assert shortened("one  two\nthree", most=8) == "one two…"
