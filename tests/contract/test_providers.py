"""What the local adapter keeps, and how a model is chosen. The remote ones: `test_remote`."""

from collections.abc import Callable
from io import BytesIO

import av
import pytest
from PIL import Image

from ops import samples
from ops.base.clock import monotonic_s
from schemas.catalogue import Model, catalogue
from schemas.errors import ConfigError, JobFault, Permanent
from schemas.payloads import Crop, Sharpen
from workers.providers.port import (
    Adapter,
    AnalyzeImage,
    Call,
    EditImage,
    GenerateImage,
    GenerateText,
    GenerateVideo,
    ImproveText,
    Made,
    Origin,
    ProcessFile,
    Tools,
)
from workers.providers.registry import MODULES, Providers, build_providers

MODELS = [model for model in catalogue().models if model.is_local]
Choose = Callable[[str], Model]


def models(modality: str) -> pytest.MarkDecorator:
    rows = [model for model in MODELS if model.modality == modality]
    return pytest.mark.parametrize("model", rows, ids=[row.name for row in rows])


@pytest.fixture
def providers(tools: Tools) -> Providers:
    return build_providers(catalogue(), tools)


def call(model: Model, *, seconds: float = 60.0, heard: list[float] | None = None) -> Call:
    seen: list[float] = [] if heard is None else heard
    return Call(model, monotonic_s() + seconds, seen.append)


def keeps_its_word(origin: Origin, model: Model) -> None:
    assert (origin.provider, origin.model) == (model.provider, model.name)
    assert len(origin.made_by) > 10
    assert model.unit != "free" or origin.usage.cost_usd_micros == 0


def opens(made: Made) -> Image.Image:
    picture = Image.open(BytesIO(made.data))
    picture.load()
    assert Image.MIME[picture.format or ""] == made.media_type
    assert picture.size == (made.width, made.height)
    return picture


def test_every_row_of_the_catalogue_has_an_adapter() -> None:
    assert {model.provider for model in catalogue().models} <= set(MODULES)


@models("text")
async def test_improve(providers: Providers, model: Model) -> None:
    chosen = providers.text(model.name)
    heard: list[float] = []
    answer = await chosen.port.improve(
        ImproveText("My freind has recieved the letter becuase of you.", "correct"),
        call(chosen.model, heard=heard),
    )
    assert answer.text == "My friend has received the letter because of you."
    assert answer.changes
    assert heard == sorted(heard)
    assert all(0 <= share <= 1 for share in heard)
    keeps_its_word(answer.origin, model)


@models("text")
async def test_generate_text(providers: Providers, model: Model) -> None:
    chosen = providers.text(model.name)
    ask = GenerateText("Write about lighthouses of the northern coast", 1_800)
    answer = await chosen.port.generate(ask, call(chosen.model))
    assert 900 < len(answer.text) <= 1_800
    assert "ighthouses" in answer.text
    keeps_its_word(answer.origin, model)


@models("image")
async def test_generate_image(providers: Providers, model: Model) -> None:
    chosen = providers.image(model.name)
    ask = GenerateImage("sea at sunset", 320, 256, 5)
    answer = await chosen.port.generate(ask, call(chosen.model))
    picture = opens(answer.images[0])
    assert picture.size == (320, 256)
    assert len(picture.convert("RGB").getcolors(320 * 256) or ()) > 2_000
    assert answer.prompt_used
    keeps_its_word(answer.origin, model)


@models("edit")
async def test_edit_image(providers: Providers, model: Model, photo: bytes) -> None:
    chosen = providers.edit(model.name)
    ask = EditImage(photo, (Crop(right=0.5, bottom=0.5), Sharpen()))
    answer = await chosen.port.edit(ask, call(chosen.model))
    assert opens(answer.images[0]).size == (800, 534)
    keeps_its_word(answer.origin, model)


@models("vision")
async def test_analyze_image(providers: Providers, model: Model, photo: bytes) -> None:
    chosen = providers.vision(model.name)
    answer = await chosen.port.analyze(AnalyzeImage(photo), call(chosen.model))
    assert (answer.width, answer.height, answer.format) == (*samples.PHOTO_SIZE, "JPEG")
    assert answer.palette
    assert "GPS" not in str(answer.exif)
    keeps_its_word(answer.origin, model)


@models("video")
@pytest.mark.parametrize("source", ["prompt", "picture"])
async def test_generate_video(
    providers: Providers, model: Model, small_photo: bytes, source: str
) -> None:
    chosen = providers.video(model.name)
    heard: list[float] = []
    ask = GenerateVideo("night city", None, 1)
    if source == "picture":
        ask = GenerateVideo(None, small_photo, 1)
    answer = await chosen.port.generate(ask, call(chosen.model, heard=heard))
    made = answer.videos[0]
    with av.open(BytesIO(made.data), "r") as container:
        shapes = [(frame.width, frame.height) for frame in container.decode(video=0)]
    assert set(shapes) == {(made.width, made.height)}
    assert made.duration_s == pytest.approx(1, abs=0.1)
    assert made.media_type == "video/mp4"
    assert heard == sorted(heard)
    keeps_its_word(answer.origin, model)


@models("file")
@pytest.mark.parametrize("action", ["extract", "improve", "outline"])
async def test_process_file(providers: Providers, model: Model, action: str) -> None:
    chosen = providers.file(model.name)
    ask = ProcessFile(samples.pdf(), "application/pdf", action)  # type: ignore[arg-type]
    answer = await chosen.port.process(ask, call(chosen.model))
    assert answer.pages == 2
    assert "How a Leyden jar works" in answer.text
    keeps_its_word(answer.origin, model)


@models("vision")
async def test_a_file_that_does_not_open_is_a_fault_with_a_code(
    providers: Providers, model: Model, photo: bytes
) -> None:
    chosen = providers.vision(model.name)
    with pytest.raises(JobFault) as caught:
        await chosen.port.analyze(AnalyzeImage(photo[:9_000]), call(chosen.model))
    assert (caught.value.code, caught.value.retryable) == ("file_unreadable", False)


@models("video")
async def test_a_deadline_ends_the_call(providers: Providers, model: Model, tools: Tools) -> None:
    chosen = providers.video(model.name)
    with pytest.raises(JobFault) as caught:
        await chosen.port.generate(
            GenerateVideo("night city", None, 8), call(chosen.model, seconds=0.3)
        )
    assert caught.value.code == "deadline"
    with pytest.raises(JobFault) as caught:
        await chosen.port.generate(
            GenerateVideo("night city", None, 8), call(chosen.model, seconds=-1)
        )
    assert caught.value.code == "deadline"


def test_an_unknown_or_misplaced_model_is_a_permanent_fault(providers: Providers) -> None:
    assert providers.text("text.default").model.name == MODELS[0].name
    for choose in (providers.text, providers.video, providers.file):
        with pytest.raises(Permanent) as caught:
            choose("no-such-model")
        assert (caught.value.code, caught.value.facts) == (
            "unknown_model",
            {"model": "no-such-model"},
        )
    with pytest.raises(Permanent):
        providers.image("text.default")


def test_an_adapter_without_the_port_is_an_unknown_model() -> None:
    with pytest.raises(Permanent) as caught:
        Providers(catalogue(), {"local": Adapter()}).text("text.default")
    assert caught.value.code == "unknown_model"


def test_a_row_of_an_unknown_provider_stops_the_start(tools: Tools) -> None:
    row = MODELS[0].model_copy(update={"provider": "nobody", "name": "x"})
    broken = catalogue().model_copy(update={"models": (row,), "aliases": {}})
    with pytest.raises(ConfigError, match="no provider named nobody"):
        build_providers(broken, tools)
