"""Every kind's task on the default models, with a context in memory: payload in, result out."""

from dataclasses import dataclass, field
from hashlib import sha256
from io import BytesIO
from typing import Any
from uuid import UUID, uuid4

import pytest
from PIL import Image

from ops import samples
from ops.base.clock import monotonic_s
from schemas.catalogue import catalogue
from schemas.errors import Missing, Permanent
from schemas.jobs import Kind
from schemas.money import App
from schemas.payloads import VERSION_OF_KIND, parse_payload
from schemas.results import AnyResult, Artifact, artifacts_of, parse_result
from storage.inspect import inspect_bytes
from workers.providers.port import Made, Tools
from workers.providers.registry import build_providers
from workers.tasks.context import LoadedFile, TaskContext
from workers.tasks.registry import TASKS


@dataclass
class World:
    """Uploaded files, stored artifacts and progress of one task, in memory."""

    tools: Tools
    files: dict[UUID, bytes] = field(default_factory=dict)
    stored: dict[str, bytes] = field(default_factory=dict)
    heard: list[float] = field(default_factory=list)
    call_id: UUID = field(default_factory=uuid4)

    def upload(self, data: bytes) -> str:
        file_id = uuid4()
        self.files[file_id] = data
        return str(file_id)

    async def load(self, file_id: UUID) -> LoadedFile:
        if file_id not in self.files:
            raise Missing("file_not_found")
        data = self.files[file_id]
        return LoadedFile(data, inspect_bytes(data))

    async def store(self, made: Made, *, number: int) -> Artifact:
        key = f"{self.call_id}/{number}"
        self.stored[key] = made.data
        return Artifact(
            key=key,
            name=made.name,
            media_type=made.media_type,
            size_bytes=len(made.data),
            sha256=sha256(made.data).hexdigest(),
            width=made.width,
            height=made.height,
            duration_s=made.duration_s,
        )

    async def run(self, kind: Kind, **body: Any) -> AnyResult:
        ctx = TaskContext(
            job_id=uuid4(),
            user_id=1,
            app=App.VIAIZER,
            attempt=1,
            last_look=False,
            deadline_s=monotonic_s() + 60,
            providers=build_providers(catalogue(), self.tools),
            load_file=self.load,
            store_artifact=self.store,
            report=self.heard.append,
        )
        result = await TASKS[kind].run(parse_payload(kind, body), ctx)
        assert result.kind == kind
        assert parse_result(result.model_dump_json()) == result
        assert result.provider == "local"
        assert "local provider" in result.made_by
        return result


@pytest.fixture
def world(tools: Tools) -> World:
    return World(tools)


def test_every_kind_but_the_post_has_a_task_for_its_newest_version() -> None:
    assert set(TASKS) == set(Kind) - {Kind.POST_PUBLISH}
    for kind, task in TASKS.items():
        assert task.kind == kind
        assert VERSION_OF_KIND[kind] in task.versions
        assert task.modality


async def test_text_improve(world: World) -> None:
    result = await world.run(Kind.TEXT_IMPROVE, text=samples.TEXT_WITH_MISTAKES)
    assert result.kind == Kind.TEXT_IMPROVE
    assert "because my friend" in result.text
    assert result.changes


async def test_a_prompt_that_is_improved_says_that_it_is_one(world: World) -> None:
    result = await world.run(Kind.TEXT_IMPROVE, text="a boat", style="prompt")
    assert result.kind == Kind.TEXT_IMPROVE
    assert result.prompt
    assert result.text.startswith("a boat, ")


async def test_text_generate_fills_at_most_the_pages_asked_for(world: World) -> None:
    result = await world.run(Kind.TEXT_GENERATE, prompt="Write about tides and harbours", pages=2)
    assert result.kind == Kind.TEXT_GENERATE
    assert 1_800 < len(result.text) <= 3_600
    assert result.notes[0].startswith("Template text")


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("Why is the sky blue?", "No AI model is connected"),
        ("Почему небо голубое?", "не подключена"),
    ],
)
async def test_a_question_without_a_model_is_answered_honestly(
    world: World, question: str, answer: str
) -> None:
    result = await world.run(Kind.TEXT_GENERATE, prompt=question, chat=True)
    assert result.kind == Kind.TEXT_GENERATE
    assert answer in result.text
    assert "`LEYDEN_OPENROUTER_API_KEY`" in result.text
    assert "not a neural model" in result.made_by
    assert result.notes == ()


async def test_image_generate(world: World) -> None:
    result = await world.run(Kind.IMAGE_GENERATE, prompt="лес зимой", width=256, height=128)
    artifact = artifacts_of(result)[0]
    assert Image.open(BytesIO(world.stored[artifact.key])).size == (256, 128)
    assert artifact.key == f"{world.call_id}/1"
    assert world.heard


async def test_a_second_attempt_stores_the_same_bytes_under_the_same_key(world: World) -> None:
    body = {"prompt": "sea", "width": 128, "height": 128}
    first = artifacts_of(await world.run(Kind.IMAGE_GENERATE, **body))
    assert artifacts_of(await world.run(Kind.IMAGE_GENERATE, **body)) == first
    assert len(world.stored) == 1


async def test_image_edit(world: World, photo: bytes) -> None:
    operations = [
        {"op": "resize", "width": 300},
        {"op": "caption", "text": "Озеро"},
        {"op": "upscale", "factor": 2},
    ]
    result = await world.run(Kind.IMAGE_EDIT, file=world.upload(photo), operations=operations)
    artifact = artifacts_of(result)[0]
    assert (artifact.width, artifact.height) == (600, 400)
    assert Image.open(BytesIO(world.stored[artifact.key])).size == (600, 400)


async def test_image_analyze(world: World, photo: bytes) -> None:
    result = await world.run(Kind.IMAGE_ANALYZE, file=world.upload(photo))
    assert result.kind == Kind.IMAGE_ANALYZE
    assert (result.width, result.height) == samples.PHOTO_SIZE
    assert "1600 × 1067" in result.text


async def test_video_generate_from_a_picture(world: World, small_photo: bytes) -> None:
    result = await world.run(Kind.VIDEO_GENERATE, file=world.upload(small_photo), seconds=2)
    artifact = artifacts_of(result)[0]
    assert (artifact.media_type, artifact.duration_s) == ("video/mp4", 2.0)
    assert world.stored[artifact.key][4:8] == b"ftyp"
    assert world.heard[-1] == 1.0


async def test_file_process(world: World) -> None:
    result = await world.run(Kind.FILE_PROCESS, file=world.upload(samples.pdf()), action="outline")
    assert result.kind == Kind.FILE_PROCESS
    assert result.pages == 2
    assert "What it was good for" in result.text


async def test_improving_a_text_file_keeps_its_shape(world: World) -> None:
    text = samples.TEXT_WITH_MISTAKES + "\n" * 3 + "It was calm at the sea. " * 100
    result = await world.run(Kind.FILE_PROCESS, file=world.upload(text.encode()), action="improve")
    assert result.kind == Kind.FILE_PROCESS
    assert result.pages == 2
    assert "because my friend" in result.text
    assert "\n\n\n" in result.text


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        (Kind.TEXT_IMPROVE, {"text": "a"}),
        (Kind.IMAGE_GENERATE, {"prompt": "a"}),
        (Kind.VIDEO_GENERATE, {"prompt": "a"}),
    ],
)
async def test_an_unknown_model_is_permanent(
    world: World, kind: Kind, body: dict[str, Any]
) -> None:
    with pytest.raises(Permanent) as caught:
        await world.run(kind, model="gone", **body)
    assert caught.value.code == "unknown_model"


@pytest.mark.parametrize("kind", [Kind.IMAGE_ANALYZE, Kind.VIDEO_GENERATE])
async def test_a_document_is_no_picture(world: World, kind: Kind) -> None:
    with pytest.raises(Permanent) as caught:
        await world.run(kind, file=world.upload(samples.pdf()))
    assert caught.value.code == "wrong_file_type"


async def test_a_picture_is_no_document(world: World, photo: bytes) -> None:
    with pytest.raises(Permanent) as caught:
        await world.run(Kind.FILE_PROCESS, file=world.upload(photo))
    assert caught.value.code == "wrong_file_type"


async def test_a_file_that_is_gone_is_missing(world: World) -> None:
    with pytest.raises(Missing) as caught:
        await world.run(Kind.IMAGE_ANALYZE, file=str(uuid4()))
    assert caught.value.code == "file_not_found"
