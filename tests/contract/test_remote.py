"""Each capability of each remote adapter, against the sandbox: what is asked for comes, is labelled,
is bought once and entered once.
"""

import asyncio
import json
from io import BytesIO
from itertools import pairwise
from typing import Any

import av
import httpx
import pytest
from PIL import Image

from ops.base.clock import monotonic_s
from schemas.catalogue import Model, catalogue
from schemas.errors import LostLease, Permanent, Retryable
from tests.contract.stage import CASES, Case, Notebook, Stage, case, named
from tests.support import wait_until
from workers.providers.journal import Parked
from workers.providers.openai import adapter as openai
from workers.providers.port import (
    Call,
    EditImage,
    GenerateImage,
    GenerateText,
    GenerateVideo,
    ImageAnswer,
    ImproveText,
    Made,
    Moderate,
    TextAnswer,
    VideoAnswer,
    VisionAnswer,
    unheard,
)
from workers.providers.wire import Account

ALL = pytest.mark.parametrize("wanted", CASES, ids=lambda each: each.name)
TASKS = pytest.mark.parametrize(
    "wanted", [each for each in CASES if each.operation == "task"], ids=lambda each: each.name
)
STREAMS = pytest.mark.parametrize(
    "wanted", named("openai stream", "openrouter stream"), ids=lambda each: each.name
)
CALLBACK = "https://leyden.example/callbacks/kie/7?sig=x"


@ALL
async def test_what_is_asked_for_comes_and_is_bought_once(stage: Stage, wanted: Case) -> None:
    notebook = Notebook()
    answer = await stage.finish(wanted, stage.call(wanted, notebook))
    made = answer.origin
    assert (made.provider, made.model) == (wanted.provider, wanted.model)
    assert wanted.row.model in made.made_by
    looks_right(answer)
    (order,) = await stage.bought()
    assert len(stage.orders()) == 1
    task = wanted.operation == "task"
    assert notebook.words == (["intend", "bought", "paid"] if task else ["intend", "paid"])
    assert notebook.entries[-1] == "paid ok"
    if task:
        assert notebook.remote_ref == order["id"]
    knows_cost = wanted.provider == "openrouter" or wanted.name in ("kie image", "kie edit")
    if knows_cost:
        assert notebook.cost_usd_micros == pytest.approx(order["charged_usd"] * 1e6, abs=1)
        assert made.usage.cost_usd_micros == notebook.cost_usd_micros


def looks_right(answer: Any) -> None:
    match answer:
        case TextAnswer():
            assert "[sandbox] No model wrote this" in answer.text
            assert answer.origin.usage.output_tokens > 0
        case VisionAnswer():
            assert "picture(s): JPEG 1536x1024" in answer.text
            assert (answer.width, answer.height, answer.format) == (1600, 1067, "JPEG")
            assert answer.palette
        case ImageAnswer():
            assert answer.images
            for made in answer.images:
                opens(made)
        case VideoAnswer():
            for made in answer.videos:
                plays(made)
        case _:
            pytest.fail(f"what is {answer}")


def opens(made: Made) -> None:
    picture = Image.open(BytesIO(made.data))
    picture.load()
    assert Image.MIME[picture.format or ""] == made.media_type
    assert picture.size == (made.width, made.height)


def plays(made: Made) -> None:
    with av.open(BytesIO(made.data), "r") as container:
        frame = next(container.decode(video=0))
        assert (frame.width, frame.height) == (made.width, made.height)
    assert made.media_type == "video/mp4"
    assert made.duration_s is not None
    assert made.duration_s >= 4


@pytest.mark.parametrize(
    "wanted", named("openai image", "openrouter image", "kie image"), ids=lambda each: each.name
)
@pytest.mark.parametrize("size", [(512, 384), (64, 64), (2_048, 512), (1_000, 1_500)])
async def test_a_picture_has_the_size_that_was_asked_for(
    stage: Stage, wanted: Case, size: tuple[int, int]
) -> None:
    port = stage.adapters[wanted.provider].image
    assert port is not None
    call = stage.call(wanted, Notebook())
    answer = None
    while answer is None:
        try:
            answer = await port.generate(GenerateImage("sea", *size, None), call)
        except Parked:
            continue
    opens(answer.images[0])
    assert (answer.images[0].width, answer.images[0].height) == size


@pytest.mark.parametrize(
    "wanted", named("openai edit", "openrouter edit", "kie edit"), ids=lambda each: each.name
)
async def test_an_edited_picture_is_as_large_as_its_operations_make_it(
    stage: Stage, wanted: Case
) -> None:
    answer = await stage.finish(wanted, stage.call(wanted, Notebook()))
    assert (answer.images[0].width, answer.images[0].height) == (800, 1_067)
    order = stage.orders()[0]
    assert "Make it dawn." in order["prompt"]


async def test_a_picture_is_sent_without_where_it_was_taken(stage: Stage) -> None:
    notebook = Notebook()
    wanted = case("kie edit")
    with pytest.raises(Parked):
        await stage.ask(wanted, stage.call(wanted, notebook))

    (order,) = await stage.bought()
    (url,) = json.loads(order["task"]["param"])["input"]["image_input"]
    async with httpx.AsyncClient(trust_env=False) as client:
        arrived = (await client.get(url)).content
    assert b"Exif" in stage.photo
    assert b"Exif" not in arrived
    assert Image.open(BytesIO(arrived)).size == (1600, 1067)


async def test_up_to_sixteen_pictures_and_a_mask(stage: Stage, photo: bytes) -> None:
    port = stage.adapters["openai"].image
    assert port is not None
    hole = Image.new("RGBA", (160, 107), (0, 0, 0, 255))
    hole.paste((0, 0, 0, 0), (0, 0, 80, 107))
    out = BytesIO()
    hole.save(out, "PNG")
    small = BytesIO()
    Image.new("RGB", (64, 64), "teal").save(small, "PNG")
    wanted = case("openai edit")
    ask = EditImage(photo, (), "A door", (small.getvalue(),) * 15, out.getvalue())
    answer = await port.edit(ask, stage.call(wanted, Notebook()))
    opens(answer.images[0])
    many = EditImage(photo, (), "A door", (small.getvalue(),) * 16)
    with pytest.raises(Permanent) as caught:
        await port.edit(many, stage.call(wanted, Notebook()))
    assert caught.value.code == "invalid_input"
    assert len(await stage.bought()) == 1


@pytest.mark.parametrize("wanted", named("openrouter edit", "kie edit"), ids=lambda each: each.name)
async def test_a_mask_that_nobody_takes_is_said_before_anything_is_bought(
    stage: Stage, wanted: Case
) -> None:
    port = stage.adapters[wanted.provider].image
    assert port is not None
    notebook = Notebook()
    with pytest.raises(Permanent) as caught:
        await port.edit(
            EditImage(stage.photo, (), "A door", mask=stage.photo), stage.call(wanted, notebook)
        )
    assert caught.value.code == "invalid_input"
    assert notebook.entries == []


async def test_a_model_that_takes_no_picture_says_so(stage: Stage) -> None:
    row = catalogue().row("wan-2.7")
    assert row is not None
    port = stage.adapters["kie"].video
    assert port is not None
    notebook = Notebook()
    with pytest.raises(Permanent) as caught:
        await port.generate(
            GenerateVideo("sea", stage.photo, 4), Call(row, monotonic_s() + 20, unheard, notebook)
        )
    assert caught.value.code == "invalid_input"
    assert notebook.entries == []


def orderable() -> list[Model]:
    """Every picture and film of the catalogue that a remote adapter answers for."""
    rows = [row for row in catalogue().models if row.provider in ("openai", "openrouter", "kie")]
    media = [row for row in rows if row.modality in ("image", "edit", "video") and row.enabled]
    return [row for row in media if row.provider == "kie" or row.modality == "video"]


async def order(stage: Stage, row: Model) -> None:
    adapter, call = stage.adapters[row.provider], Call(row, monotonic_s() + 30, unheard, Notebook())
    if row.modality == "video":
        assert adapter.video
        picture = stage.photo if "i2v" in row.ops else None
        await adapter.video.generate(GenerateVideo("sea", picture, 4), call)
        return
    assert adapter.image
    if row.modality == "image":
        await adapter.image.generate(GenerateImage("sea", 2_048, 1_024, None), call)
    else:
        await adapter.image.edit(EditImage(stage.photo, (), "Make it dawn."), call)


@pytest.mark.parametrize("row", orderable(), ids=lambda row: row.name)
async def test_every_row_of_the_catalogue_can_be_ordered(stage: Stage, row: Model) -> None:
    with pytest.raises(Parked):
        await order(stage, row)
    (bought,) = await stage.bought()
    assert bought["model"] == row.model
    if row.modality == "video":
        assert bought["task"]["work"]["seconds"] in row.seconds


# ------------------------------------------------------------------------------------------- texts


async def test_an_improved_text_tells_its_changes(stage: Stage) -> None:
    wanted = case("openai improve")
    port = stage.adapters["openai"].text
    assert port is not None
    answer = await port.improve(
        ImproveText("A short text", "correct"), stage.call(wanted, Notebook())
    )
    assert answer.changes
    rewritten = await port.improve(
        ImproveText("A short text", "formal"), stage.call(wanted, Notebook())
    )
    assert rewritten.changes == ()


async def test_a_text_is_never_longer_than_what_was_paid_for(stage: Stage) -> None:
    stage.sandbox.set_faults({"fault": "long_answer", "value": 9_000})
    wanted = case("openrouter text")
    answer = await stage.finish(wanted, stage.call(wanted, Notebook()))
    assert 900 < len(answer.text) <= 1_800
    assert answer.text.endswith(".")


async def test_the_limit_of_tokens_reaches_the_provider(stage: Stage) -> None:
    for name in ("openai text", "openai stream", "openrouter text", "openrouter stream"):
        wanted = case(name)
        call = stage.call(wanted, Notebook(), max_output_tokens=8)
        answer = await stage.finish(wanted, call)
        assert answer.origin.usage.output_tokens <= 8
        assert "ends early" in answer.notes[0]


async def test_pictures_can_go_with_a_question(stage: Stage) -> None:
    port = stage.adapters["openrouter"].text
    assert port is not None
    ask = GenerateText("What is this?", 900, (stage.photo, stage.photo))
    answer = await port.generate(ask, stage.call(case("openrouter text"), Notebook()))
    assert "2 picture(s)" in answer.text


@STREAMS
async def test_a_stream_is_heard_while_it_comes(stage: Stage, wanted: Case) -> None:
    heard: list[str] = []
    answer = await stage.finish(wanted, stage.call(wanted, Notebook(), heard=heard))
    assert len(heard) > 5
    assert all(after.startswith(before) for before, after in pairwise(heard))
    assert heard[-1].strip() == answer.text


@STREAMS
async def test_a_stream_that_is_stopped_gives_what_came(stage: Stage, wanted: Case) -> None:
    stage.sandbox.set_faults({"fault": "slow_stream", "value": 0.1})
    stop, heard, notebook = asyncio.Event(), list[str](), Notebook()
    call = stage.call(wanted, notebook, heard=heard, cancel=stop)
    asked = asyncio.gather(stage.ask(wanted, call))
    await wait_until(lambda: len(heard) > 3, 20.0, "a few words")
    stop.set()
    (answer,) = await asked
    assert answer.text == heard[-1].strip()
    assert "Stopped" in answer.notes[0]
    assert answer.origin.usage.output_tokens > 0
    assert notebook.entries == ["intend", "paid ok"]


@STREAMS
async def test_a_stream_that_is_stopped_in_silence_ends_at_once(stage: Stage, wanted: Case) -> None:
    stage.sandbox.set_faults({"fault": "slow_stream", "value": 600})
    stop, heard, notebook = asyncio.Event(), list[str](), Notebook()
    call = stage.call(wanted, notebook, heard=heard, cancel=stop)
    asked = asyncio.gather(stage.ask(wanted, call), return_exceptions=True)
    await wait_until(lambda: len(stage.orders()) == 1, 20.0, "the order")
    stop.set()
    (fault,) = await asyncio.wait_for(asked, 20.0)
    assert isinstance(fault, Permanent)
    assert fault.code == "cancelled"
    assert notebook.entries == ["intend", "paid stopped"]


async def test_usage_is_estimated_when_nobody_tells_it(stage: Stage) -> None:
    stage.sandbox.set_faults({"fault": "no_usage"})
    for name in ("openai text", "openai stream", "openrouter stream"):
        wanted, notebook = case(name), Notebook()
        answer = await stage.finish(wanted, stage.call(wanted, notebook))
        assert answer.origin.usage.output_tokens > 10
        assert answer.origin.usage.cost_usd_micros is None


async def at_a_server_that_says(answer: bytes, stage: Stage, notebook: Notebook) -> Any:
    """The answer to a question that asked for a stream."""

    async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        writer.close()

    async with await asyncio.start_server(one, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        adapter = openai.build(stage.tools, Account(f"http://127.0.0.1:{port}", "sk-x"))
        wanted = case("openai stream")
        try:
            return await wanted.ask(adapter, stage.call(wanted, notebook), stage.photo)
        finally:
            await adapter.close()


HEAD = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: "
ODD_STREAM = (
    HEAD + b"text/event-stream\r\n\r\n"
    b'data: {"choices": null, "usage": null}\n\n'
    b'data: {"choices": [{"delta": null}]}\n\n'
    b'data: {"choices": [{"delta": {"content": [{"type": "text", "text": "A tide"}]}}]}\n\n'
    b'data: {"choices": [{"delta": {"content": null}, "finish_reason": "stop"}]}\n\n'
    b'data: {"choices": [], "usage": {"prompt_tokens": null, "completion_tokens": "x"}}\n\n'
)
WHOLE = b'{"choices": [{"message": {"content": "A tide"}, "finish_reason": "stop"}], "usage": 5}'


@pytest.mark.parametrize("answer", [ODD_STREAM, HEAD + b"application/json\r\n\r\n" + WHOLE])
async def test_a_stream_may_come_oddly_or_in_one_piece(stage: Stage, answer: bytes) -> None:
    notebook = Notebook()
    text = await at_a_server_that_says(answer, stage, notebook)
    assert text.text == "A tide"
    assert notebook.entries == ["intend", "paid ok"]


async def test_a_whole_answer_that_is_cut_is_no_answer(stage: Stage) -> None:
    cut_off = HEAD + b"application/json\r\nContent-Length: 900\r\n\r\n" + WHOLE
    notebook = Notebook()
    with pytest.raises(Retryable) as caught:
        await at_a_server_that_says(cut_off, stage, notebook)
    assert (caught.value.code, notebook.entries) == ("provider_unknown", ["intend"])


# --------------------------------------------------------------------------------------- moderation


async def test_moderation_is_free_and_names_classes(stage: Stage) -> None:
    row, port = catalogue().row("omni-moderation"), stage.adapters["openai"].moderation
    assert row is not None
    assert port is not None
    call = Call(row, monotonic_s() + 20)  # without a journal: nothing is bought
    calm = await port.judge(Moderate("a quiet sea"), call)
    assert (calm.flagged, calm.classes) == (False, ())
    wild = await port.judge(Moderate("[flag:violence] [flag:hate]", stage.photo), call)
    assert wild.flagged
    assert set(wild.classes) == {"violence", "hate"}
    assert wild.scores["violence"] > 0.9
    assert await stage.bought() == []


# -------------------------------------------------------------------------------------------- tasks


@TASKS
async def test_a_task_is_parked_between_its_steps(stage: Stage, wanted: Case) -> None:
    stage.sandbox.set_timing(polls=3)
    notebook = Notebook(callback_url=CALLBACK)
    call = stage.call(wanted, notebook)
    with pytest.raises(Parked) as first:
        await stage.ask(wanted, call)
    assert first.value.delay_s > 2
    assert notebook.words == ["intend", "bought"]
    (order,) = await stage.bought()
    assert order["client_reference"] == CALLBACK
    with pytest.raises(Parked) as second:
        await stage.ask(wanted, call)
    assert second.value.delay_s > 2
    looks_right(await stage.finish(wanted, call))
    assert len(await stage.bought()) == 1


@TASKS
async def test_another_worker_goes_on_with_a_task(stage: Stage, wanted: Case) -> None:
    first = Notebook()
    with pytest.raises(Parked):
        await stage.ask(wanted, stage.call(wanted, first))
    heir = Notebook(remote_ref=first.remote_ref)
    looks_right(await stage.finish(wanted, stage.call(wanted, heir)))
    assert heir.words == ["paid"]
    assert len(stage.orders()) == 1


@TASKS
async def test_a_last_look_takes_what_is_ready_and_buys_nothing(stage: Stage, wanted: Case) -> None:
    notebook = Notebook()
    fault = await stage.fault(wanted, stage.call(wanted, notebook, last_look=True))
    assert (fault.code, fault.retryable, notebook.entries) == ("overdue", False, [])
    stage.sandbox.set_timing(polls=2)
    with pytest.raises(Parked):
        await stage.ask(wanted, stage.call(wanted, notebook))
    fault = await stage.fault(wanted, stage.call(wanted, notebook, last_look=True))
    assert fault.code == "overdue"
    looks_right(await stage.ask(wanted, stage.call(wanted, notebook, last_look=True)))


@TASKS
async def test_a_task_can_be_looked_up(stage: Stage, wanted: Case) -> None:
    notebook = Notebook(callback_url=CALLBACK)
    call = stage.call(wanted, notebook)
    with pytest.raises(Parked):
        await stage.ask(wanted, call)
    board = stage.adapters[wanted.provider].tasks
    assert board is not None
    assert notebook.remote_ref is not None
    seen = await board.look(notebook.remote_ref, call)
    assert seen is not None
    assert (seen.remote_ref, seen.phase) == (notebook.remote_ref, "running")
    assert seen.callback_url == (CALLBACK if wanted.provider == "kie" else None)
    assert await board.look("gen-vid-nobody", call) is None


# ------------------------------------------------------------------------------------- every journal


@ALL
async def test_nothing_is_sent_without_the_lease(stage: Stage, wanted: Case) -> None:
    notebook = Notebook(refuses={"intend": LostLease()})
    with pytest.raises(LostLease):
        await stage.finish(wanted, stage.call(wanted, notebook))
    assert stage.orders() == []


@ALL
async def test_nothing_is_bought_after_the_deadline(stage: Stage, wanted: Case) -> None:
    notebook = Notebook()
    fault = await stage.fault(wanted, stage.call(wanted, notebook, seconds=-1))
    assert (fault.code, notebook.entries) == ("overdue", [])
    late = await stage.fault(wanted, stage.call(wanted, notebook, last_look=True))
    assert (late.code, notebook.entries) == ("overdue", [])
    assert stage.orders() == []
