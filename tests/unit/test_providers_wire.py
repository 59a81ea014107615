"""What adapters make of a provider's words: faults, pauses, texts and sizes. No network."""

import asyncio
import json
from collections.abc import AsyncIterator
from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.base.clock import unix_s
from schemas.payloads import Caption, Crop, Resize, Sharpen, Tone, Upscale
from workers.providers.openai.images import told_size
from workers.providers.port import EditImage
from workers.providers.wire import micros, parsed
from workers.providers.wire_chat import until
from workers.providers.wire_faults import (
    PAUSE_MAX_S,
    PAUSE_UNTOLD_S,
    Lost,
    NotSold,
    Said,
    named_pause_s,
    pause_s,
    refusal,
)
from workers.providers.wire_media import from_base64, nearest_ratio, size_after
from workers.providers.wire_tasks import Record, Schedule, failure
from workers.providers.wire_words import CHANGES_MAX, changes, cut, to_edit

CERTAIN = [
    (Said(400, "content_policy_violation"), "content_refused"),
    (Said(400, "moderation_blocked"), "content_refused"),
    (Said(403, "refusal", "flagged by a guardrail"), "content_refused"),
    (Said(451), "content_refused"),
    (Said(404, "model_not_found"), "unknown_model"),
    (Said(400, "", "x/y is not a valid model ID"), "unknown_model"),
    (Said(422, "", "The model name you specified is not supported."), "unknown_model"),
    (Said(404, "not_found", "No endpoints found that support image input"), "provider_refused"),
    (Said(429, "insufficient_quota"), "quota_exhausted"),
    (Said(402), "quota_exhausted"),
    (Said(400, "billing_hard_limit_reached"), "quota_exhausted"),
    (Said(403, "", "Key limit exceeded (total limit)"), "quota_exhausted"),
    (Said(400, "", "Cannot draw 'insufficient credits'"), "provider_refused"),
    (Said(422, "", "prompt: credits insufficient"), "provider_refused"),
    (Said(401), "provider_unavailable"),
    (Said(403, own=False), "provider_unavailable"),
    (Said(400, "context_length_exceeded"), "provider_refused"),
    (Said(413), "provider_refused"),
    (Said(422), "provider_refused"),
    (Said(429), "rate_limited"),
    (Said(433), "rate_limited"),
    (Said(409), "provider_unavailable"),
    (Said(455), "provider_unavailable"),
    (Said(500), "provider_unavailable"),
    (Said(503), "provider_unavailable"),
]
UNKNOWN = [Said(408), Said(504), Said(520), Said(524), Said(500, own=False), Said(502, own=False)]


@pytest.mark.parametrize(("said", "code"), CERTAIN, ids=lambda each: str(each)[:50])
def test_a_clear_no_is_no_purchase(said: Said, code: str) -> None:
    no = refusal(said, model="m")
    assert isinstance(no, NotSold)
    assert no.fault.code == code
    assert no.fault.retryable == (said.status in (409, 429, 433, 455, 500, 503) and code[0] in "rp")


@pytest.mark.parametrize("said", UNKNOWN, ids=str)
def test_somebody_in_between_does_not_know(said: Said) -> None:
    assert isinstance(refusal(said, model="m"), Lost)


def test_words_of_a_provider_are_never_passed_on() -> None:
    no = refusal(Said(400, "bad_value", "your prompt 'my secret' is odd"), model="m")
    assert isinstance(no, NotSold)
    assert "secret" not in str(no.fault)


@pytest.mark.parametrize(
    ("headers", "wait_s"),
    [
        ({"Retry-After": "7"}, 7),
        ({"retry-after": "1.5"}, 1.5),
        ({"Retry-After-Ms": "1500", "Retry-After": "9"}, 1.5),
        ({"Retry-After": "9999999"}, PAUSE_MAX_S),
        ({"Retry-After": "inf"}, None),
        ({"Retry-After": "nan"}, None),
        ({"Retry-After": "-3"}, None),
        ({"Retry-After": "0"}, None),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": ""}, None),
        ({"Retry-After": "Fri, 01 Jan 1999 00:00:00 GMT"}, None),
        ({"X-RateLimit-Reset": "5"}, None),
        ({}, None),
    ],
)
def test_how_long_to_stay_away(headers: dict[str, str], wait_s: float | None) -> None:
    assert named_pause_s(headers) == wait_s
    assert pause_s(headers) == (PAUSE_UNTOLD_S if wait_s is None else wait_s)


def test_a_date_and_a_moment_are_counted_from_now() -> None:
    date = named_pause_s({"Retry-After": formatdate(unix_s() + 600, usegmt=True)})
    moment = named_pause_s({"X-RateLimit-Reset": str(int((unix_s() + 600) * 1000))})
    for wait_s in (date, moment):
        assert wait_s is not None
        assert 500 < wait_s <= 600


@given(st.dictionaries(st.sampled_from(["retry-after", "retry-after-ms"]), st.text()))
def test_no_header_breaks_the_reading(headers: dict[str, str]) -> None:
    assert 0 < pause_s(headers) <= PAUSE_MAX_S


@pytest.mark.parametrize("content", [b"", b"<html>", b"[1]", b'"x"', b"\xff", b"{", b"[" * 100_000])
async def test_what_is_no_object_is_lost(content: bytes) -> None:
    with pytest.raises(Lost):
        await parsed(content)


async def test_a_large_answer_is_read_too() -> None:
    assert (await parsed(json.dumps({"a": "b" * 1_000_000}).encode()))["a"][:1] == "b"


@pytest.mark.parametrize("text", ["!", "abc", "data:image/png;base64,§"])
async def test_broken_base64_is_lost(text: str) -> None:
    with pytest.raises(Lost):
        await from_base64(text)


async def test_base64_with_and_without_its_head() -> None:
    assert await from_base64("aGk=") == b"hi"
    assert await from_base64("data:image/png;base64,aGk=") == b"hi"


@pytest.mark.parametrize(
    ("usd", "expected"),
    [(0.0, 0), (0.0000015, 2), (1.5, 1_500_000), (None, None), (-1.0, None), (float("nan"), None),
     (float("inf"), None), (1e9, None)],
)  # fmt: skip
def test_money_of_a_provider(usd: float | None, expected: int | None) -> None:
    assert micros(usd) == expected


# -------------------------------------------------------------------------------------------- texts


@given(st.text(), st.integers(1, 200))
def test_a_cut_text_is_short_enough_and_a_beginning(text: str, length: int) -> None:
    short = cut(text, length)
    assert len(short) <= length
    assert text.startswith(short)


def test_a_text_is_cut_at_the_end_of_a_sentence() -> None:
    assert cut("One is here. Two is here. Three is", 30) == "One is here. Two is here."
    assert cut("word " * 10, 12) == "word word"
    assert cut("x" * 20, 5) == "xxxxx"


def test_changes_are_told_word_by_word() -> None:
    told = changes("My freind has recieved it", "My friend has received it now")
    assert told == ("“freind” → “friend”", "“recieved” → “received”", "added “now”")
    assert changes("so it so goes", "so it goes") == ("removed “so”",)
    assert changes("same", "same") == ()
    assert changes(" ".join("ab" * 200), " ".join("ac" * 200)) == ()
    assert CHANGES_MAX < 200


def test_every_tool_has_words() -> None:
    operations = (Crop(right=0.5), Resize(width=300), Tone(contrast=2), Tone(), Sharpen(amount=2),
                  Caption(text="Sea"), Upscale(factor=3))  # fmt: skip
    told = to_edit(EditImage(b"", operations, prompt="Make it dawn."))
    for words in ("Make it dawn.", "0% to 50%", "300", "contrast by the factor 2", "strongly",
                  "“Sea”", "3 times larger"):  # fmt: skip
        assert words in told


# -------------------------------------------------------------------------------------------- sizes


@given(st.integers(64, 4_096), st.integers(64, 4_096))
def test_an_ordered_size_keeps_the_rules(width: int, height: int) -> None:
    across, _, down = told_size((width, height)).partition("x")
    w, h = int(across), int(down)
    assert w % 16 == h % 16 == 0
    assert max(w, h) <= 3_840
    assert w * h <= 3_840 * 2_160
    assert max(w, h) <= 3 * min(w, h)
    assert w * h >= 1_024 * 640


def test_an_ordinary_size_is_ordered_as_it_is() -> None:
    assert told_size((1_024, 1_024)) == "1024x1024"
    assert told_size((1_536, 1_024)) == "1536x1024"
    assert told_size((1_000, 1_000)) == "1008x1008"


def test_a_size_after_operations_is_that_of_the_local_tools() -> None:
    assert size_after((800, 600), ()) == (800, 600)
    assert size_after((800, 600), (Crop(right=0.5, top=0.5), Upscale(factor=2))) == (800, 600)
    assert size_after((800, 600), (Resize(width=400), Tone())) == (400, 300)
    assert size_after((4_000, 100), (Upscale(factor=4),)) == (4_096, 102)


def test_the_nearest_shape() -> None:
    ratios = ("1:1", "16:9", "9:16")
    assert [nearest_ratio(size, ratios) for size in ((5, 4), (1_920, 1_000), (2, 3))] == [
        "1:1", "16:9", "9:16",
    ]  # fmt: skip


# -------------------------------------------------------------------------------------------- tasks


def test_a_schedule_follows_the_age_of_a_task() -> None:
    schedule = Schedule(3, ((30, 3), (120, 8), (float("inf"), 20)), patience_s=900)
    for age_s, pause in ((0, 3), (29, 3), (31, 8), (500, 20), (None, 20)):
        parked = schedule.parked(Record("running", age_s=age_s, moving=True))
        assert pause * 0.8 <= parked.delay_s <= pause * 1.2
        assert parked.extend_s == (pause if age_s is not None else 0)
    assert schedule.parked(Record("running", age_s=1_000, moving=True)).extend_s == 0
    assert schedule.parked(Record("running", age_s=10, moving=False)).extend_s == 0


def test_why_a_task_failed() -> None:
    assert failure(Record("failed", code=400, told="prompt flagged")).code == "content_refused"
    assert failure(Record("failed", code=422, told="bad size")).code == "provider_refused"
    assert failure(Record("failed", code=501)).code == "failed"


# ------------------------------------------------------------------------------------------- streams


async def numbers() -> AsyncIterator[int]:
    for number in range(3):
        yield number


async def test_items_come_in_order_with_and_without_a_stop() -> None:
    assert [n async for n in until(None, numbers())] == [0, 1, 2]
    assert [n async for n in until(asyncio.Event(), numbers())] == [0, 1, 2]


async def test_a_stop_ends_a_wait_and_closes_the_source() -> None:
    closed, stop = asyncio.Event(), asyncio.Event()

    async def endless() -> AsyncIterator[int]:
        try:
            yield 1
            await asyncio.Event().wait()
        finally:
            closed.set()

    seen = []
    async for number in until(stop, endless()):
        seen.append(number)
        stop.set()
    assert seen == [1]
    async with asyncio.timeout(10):
        await closed.wait()


async def test_an_error_of_the_source_is_raised_where_it_is_read() -> None:
    async def broken() -> AsyncIterator[int]:
        yield 1
        raise ValueError

    seen = []
    with pytest.raises(ValueError):  # noqa: PT011, PT012 (the items before it count)
        async for number in until(asyncio.Event(), broken()):
            seen.append(number)
    assert seen == [1]
