"""The pure parts of a worker: reading order, verdicts on errors, ages of streams, previews."""

from io import BytesIO
from typing import Any
from uuid import UUID

import av
import pytest
from PIL import Image
from pydantic import ValidationError

from ops.cli.worker import parse_lanes
from schemas.errors import ConfigError, InvalidInput, Permanent, Retryable, Unavailable
from schemas.jobs import Lane, Priority, stream_lane, stream_priority
from schemas.payloads import PAYLOADS
from storage.streams import NEVER_S, Entry, delivered_age_s, fields_of, parse_delivery
from workers import previews
from workers.runtime.hand import Hand
from workers.runtime.reader import REVERSE_EVERY, ReadPlan
from workers.runtime.warden import Report
from workers.verdicts import judge, pause_s

A_JOB = UUID(int=7)
PLAN = ReadPlan((Lane.TEXT, Lane.IMAGE), slots=20)


def shown(order: tuple[int, ...]) -> list[tuple[Lane, Priority]]:
    return [(stream_lane(stream), stream_priority(stream)) for stream in order]


def test_priority_comes_first_and_lanes_take_turns() -> None:
    first, second = shown(PLAN.order(0)), shown(PLAN.order(1))
    levels = [Priority.HIGH] * 2 + [Priority.NORMAL] * 2 + [Priority.LOW] * 2
    assert [level for _, level in first] == [level for _, level in second] == levels
    assert [lane for lane, _ in first[:2]] == [Lane.TEXT, Lane.IMAGE]
    assert [lane for lane, _ in second[:2]] == [Lane.IMAGE, Lane.TEXT]


def test_every_so_many_reads_the_low_streams_come_first() -> None:
    reversed_ = [turn for turn in range(40) if shown(PLAN.order(turn))[0][1] is Priority.LOW]
    assert reversed_ == list(range(REVERSE_EVERY - 1, 40, REVERSE_EVERY))


def test_suspects_are_read_alone_and_by_nobody_else() -> None:
    alone = ReadPlan((Lane.TEXT,), slots=1, alone=True)
    assert shown(alone.order(3)) == [(Lane.TEXT, Priority.SUSPECT)]
    assert Priority.SUSPECT not in {level for _, level in shown(PLAN.streams)}


@pytest.mark.parametrize(
    ("lanes", "in_hand", "budget"),
    [((Lane.VIDEO,), 0, 2), ((Lane.VIDEO,), 19, 1), ((Lane.TEXT, Lane.VIDEO), 5, 0)],
)
def test_slow_lanes_are_read_little_by_little(
    lanes: tuple[Lane, ...], in_hand: int, budget: int
) -> None:
    assert ReadPlan(lanes, slots=20).budget(Lane.VIDEO, in_hand=in_hand) == budget


@pytest.mark.parametrize(
    ("error", "code", "again", "counted"),
    [
        (Permanent("provider_refused"), "provider_refused", False, True),
        (InvalidInput("file_unreadable"), "file_unreadable", False, True),
        (Retryable("provider_unavailable"), "provider_unavailable", True, True),
        (Retryable("rate_limited", counted=False), "rate_limited", True, False),
        (Unavailable(store="postgres"), "unavailable", True, False),
        (Unavailable(store="blobs"), "unavailable", True, True),
        (TimeoutError(), "overdue", True, True),
        (ZeroDivisionError(), "internal", True, True),
    ],
)
def test_what_an_error_means(error: Exception, code: str, again: bool, counted: bool) -> None:
    verdict = judge(error, tries=0)
    assert (verdict.code, verdict.retry_s is not None, verdict.counted) == (code, again, counted)
    assert verdict.unforeseen is isinstance(error, ZeroDivisionError)


def test_a_run_that_waited_in_vain_for_a_provider_says_so() -> None:
    verdict = judge(TimeoutError(), tries=0, unanswered=True)
    assert (verdict.code, verdict.retry_s is not None) == ("provider_unknown", True)


def test_a_payload_of_the_wrong_shape_fails_for_good() -> None:
    with pytest.raises(ValidationError) as caught:
        PAYLOADS.validate_python({"kind": "text.improve"})
    assert judge(caught.value, tries=0).code == "invalid_input"


def test_a_provider_may_name_its_pause_and_pauses_grow_to_a_bound() -> None:
    assert judge(Retryable(retry_after_s=500), tries=0).retry_s == 500
    assert 0.5 <= pause_s(0) <= 1.0
    assert 8 <= pause_s(4) <= 16
    assert 60 <= pause_s(1_000) <= 120


@pytest.mark.parametrize(
    ("newest", "delivered", "age_s"),
    [
        (b"0-0", b"0-0", 0.0),  # gone
        (b"0-0", b"", 0.0),  # empty, whatever the group says
        (b"5000-0", b"5000-0", 0.0),  # all delivered
        (b"9000-0", b"4000-1", 6.0),  # a backlog behind what was added at 4 s
        (b"9000-0", b"0-0", NEVER_S),
        (b"9000-0", b"", NEVER_S),  # no group
    ],
)
def test_the_age_of_the_newest_delivered_entry(
    newest: bytes, delivered: bytes, age_s: float
) -> None:
    assert delivered_age_s(newest, delivered, 10_000) == age_s


def test_an_entry_of_any_shape_is_parsed_or_broken() -> None:
    entry = Entry(2, b"1-0", job_id=A_JOB, kind="text.improve", trace="t")
    flat = [
        part.encode() if isinstance(part, str) else part
        for part in fields_of(A_JOB, "text.improve", "t")
    ]
    rows = [[b"1-0", flat], [b"2-0", [b"i", b"x"]], [b"3-0", [b"i"]], [b"4-0", None]]
    found = parse_delivery([[b"leyden:s:2", rows]])
    assert found.entries == (entry,)
    assert [broken.entry_id for broken in found.broken] == [b"2-0", b"3-0", b"4-0"]


async def test_a_job_is_in_hand_once() -> None:
    hand = Hand(2)
    entry = Entry(2, b"1-0", job_id=A_JOB, kind="text.improve", trace="t")
    held = hand.take(entry)
    with pytest.raises(KeyError):
        hand.take(entry)
    assert (hand.free, hand.in_lane(Lane.TEXT), hand.started()) == (1, 1, [])
    held.attempt = 3
    assert hand.started() == [(A_JOB, 3)]
    hand.release(held)
    assert (hand.free, hand.in_lane(Lane.TEXT)) == (2, 0)


def test_a_report_survives_the_pipe() -> None:
    report = Report(A_JOB, 2, "text.improve")
    assert Report.parse(report.line()) == report
    assert Report.parse(b"null\n") is None


def test_a_preview_fits_and_is_marked() -> None:
    picture = Image.effect_noise((2_000, 1_500), 90).convert("RGB")
    out = BytesIO()
    picture.save(out, "PNG", compress_level=1)
    preview = previews.image_preview(out.getvalue(), "algorithmicMedia")
    assert len(preview) <= previews.SIZE_MAX_BYTES
    with Image.open(BytesIO(preview)) as small:
        assert small.format == "WEBP"
        assert max(small.size) <= previews.SIDE_MAX_PIXELS
        assert b"algorithmicMedia" in small.info["xmp"]


@pytest.mark.parametrize("seconds", [0.5, 2.0])
def test_the_poster_of_a_film_is_not_the_dark_it_begins_in(seconds: float) -> None:
    """Half a second of black at first, unless that is all there is."""
    out, shades = BytesIO(), [0] * 12 + [255] * 36
    with av.open(out, mode="w", format="mp4") as container:
        stream: Any = container.add_stream("libx264", rate=24)
        stream.width = stream.height = 64
        for shade in shades[: int(24 * seconds)]:
            picture = Image.new("RGB", (64, 64), (shade,) * 3)
            container.mux(stream.encode(av.VideoFrame.from_image(picture)))  # type: ignore[no-untyped-call]
        container.mux(stream.encode())
    with Image.open(BytesIO(previews.video_poster(out.getvalue(), None))) as poster:
        brightest = max(high for _, high in poster.convert("RGB").getextrema())  # type: ignore[misc]
    assert (brightest > 200) == (seconds > 1)


def test_lanes_are_named_or_refused() -> None:
    assert parse_lanes("image, text,image") == (Lane.IMAGE, Lane.TEXT)
    for wrong in ("", "texts", "control"):
        with pytest.raises(ConfigError, match="--lanes"):
            parse_lanes(wrong)
