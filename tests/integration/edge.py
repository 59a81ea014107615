"""What tests of the edge share: a desk on real stores, and a hand that plays the worker."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from ops.base.settings import Settings, load_settings
from producers.desk import Desk
from producers.request import SubmitRequest
from schemas.money import App
from schemas.results import AnyResult, Artifact, ImageGenerated, TextImproved
from storage.blobs import Blobs, artifact_key
from storage.crypto import ARTIFACT, CONTENT, METADATA, RESULT, TITLE
from storage.jobs import Draft, Ended, Jobs, Started, Success
from storage.pool import Database

MASTER_KEY = b"a master key of thirty-two bytes"
DOWN = "redis://127.0.0.1:1/0"
KINDS = (
    "text.improve:1",
    "text.improve:2",
    "text.improve:3",
    "text.generate:1",
    "text.generate:2",
    "image.analyze:1",
    "image.generate:1",
    "video.generate:1",
    "file.process:1",
    "post.publish:1",
    "post.publish:2",
    "post.publish:3",
)


def settings_in(folder: Path, **changed: Any) -> Settings:
    return load_settings(data_dir=folder / "data", **changed)


@asynccontextmanager
async def desk_on(dsn: str, redis_url: str, folder: Path, **changed: Any) -> AsyncIterator[Desk]:
    desk = await Desk.open(
        settings_in(folder, **changed),
        database_url=dsn,
        redis_url=redis_url,
        master_key=MASTER_KEY,
    )
    try:
        yield desk
    finally:
        await desk.close()


async def commit_durably(dsn: str) -> None:
    """From the next connection on. The tests' stack gives up the last moments before a crash."""
    owner = await Database.open(dsn, size=1, role=None)
    name = await owner.fetchval("select quote_ident(current_database())")
    await owner.execute(f"alter database {name} set synchronous_commit = on")
    await owner.close()


def a_wish(user_id: int, text: str = "helo", **changed: Any) -> SubmitRequest:
    told: dict[str, Any] = {
        "app": App.PENORA,
        "kind": "text.improve",
        "input": {"text": text},
    } | changed
    return SubmitRequest(user_id, **told)


async def started(desk: Desk, job_id: UUID) -> Started:
    answer = await Jobs(desk.db).start(
        job_id, uuid4(), worker="test", lease_s=30, kinds=list(KINDS)
    )
    return answer.jobs[0]


async def finish_text(
    desk: Desk, job_id: UUID, text: str = "Hello.", *, prompt: bool = False
) -> Ended:
    """Play the worker of a text job: start it, and succeed with a project."""
    running = await started(desk, job_id)
    assert running.code == "ok"
    return await end_text(desk, running, text, prompt=prompt)


async def end_text(desk: Desk, running: Started, text: str, *, prompt: bool = False) -> Ended:
    """The same of a job that has begun."""
    result = TextImproved(
        provider="local", model="local-text", made_by="a test", text=text, changes=("one",),
        prompt=prompt,
    )  # fmt: skip
    return await _succeed(desk, running, result, text.encode())


async def finish_picture(desk: Desk, job_id: UUID, data: bytes) -> Ended:
    """The same with a file that has a blob."""
    running = await started(desk, job_id)
    assert running.code == "ok"
    key = await desk.keys.of(running.user_id)
    name = artifact_key(running.user_id, uuid4(), 0)
    blobs = Blobs.open(desk.settings.blob_url)
    await blobs.put(name, key.encrypt(data, purpose=ARTIFACT))
    artifact = Artifact(
        key=name,
        name="../evil name.png",
        media_type="image/png",
        size_bytes=len(data),
        sha256="0" * 64,
        width=1,
        height=1,
    )
    result = ImageGenerated(
        provider="local",
        model="local-art",
        made_by="a test",
        prompt_used="x",
        artifacts=(artifact,),
    )
    return await _succeed(desk, running, result, data)


async def _succeed(desk: Desk, running: Started, result: AnyResult, content: bytes) -> Ended:
    key = await desk.keys.of(running.user_id)
    draft = Draft(
        type="text",
        title=key.encrypt(b"a title", purpose=TITLE),
        content=key.encrypt(content, purpose=CONTENT),
        metadata=key.encrypt(b'{"media_type": "text/plain"}', purpose=METADATA),
        sha256=content[:32].ljust(32, b"."),
        size_bytes=len(content),
    )
    success = Success(
        job_id=running.job_id,
        attempt=running.attempt,
        result=key.encrypt(result.model_dump_json().encode(), purpose=RESULT),
        key_version=key.version,
        captured_units=running.price_units,
        draft=draft,
    )
    ended, _ = await Jobs(desk.db).succeed(success)
    return ended
