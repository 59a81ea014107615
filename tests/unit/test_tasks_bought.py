"""Tasks that come back for what was ordered: what it was made from may be out of reach, or gone."""

from dataclasses import dataclass, field
from typing import Any, cast
from uuid import UUID, uuid4

import pytest

from schemas.catalogue import Model, catalogue
from schemas.errors import LeydenError, Missing, Unavailable
from schemas.money import App
from schemas.payloads import ImageEdit, VideoGenerate
from workers.providers.journal import Parked
from workers.providers.port import Call, EditImage, GenerateVideo, unheard
from workers.providers.registry import Providers
from workers.tasks import image, video
from workers.tasks.context import LoadedFile, TaskContext


@dataclass
class Ordered:
    """A journal, with a task in it or without."""

    remote_ref: str | None
    unanswered: bool = False
    callback_url: str | None = None

    async def intend(self) -> None: ...

    async def bought(self, remote_ref: str) -> None: ...

    async def unsold(self, outcome: str) -> None: ...

    async def paid(self, outcome: str, *, cost_usd_micros: int | None) -> None: ...


@dataclass
class Maker:
    """Any port: it is asked, and parks."""

    asked: list[Any] = field(default_factory=list)

    @property
    def model(self) -> Model:
        row = catalogue().row("kling-3.0")
        assert row is not None
        return row

    @property
    def port(self) -> "Maker":
        return self

    def video(self, _name: str) -> "Maker":
        return self

    def edit(self, *told: Any) -> Any:
        return self._ask(*told) if len(told) == 2 else self

    async def generate(self, ask: GenerateVideo, call: Call) -> None:
        await self._ask(ask, call)

    async def _ask(self, ask: GenerateVideo | EditImage, _call: Call) -> None:
        self.asked.append(ask)
        raise Parked(1.0)


def context(maker: Maker, error: LeydenError, *, ref: str | None) -> TaskContext:
    async def load(_file_id: UUID) -> LoadedFile:
        raise error

    return TaskContext(
        job_id=uuid4(), user_id=1, app=App.VIAIZER, attempt=2, last_look=False, deadline_s=60.0,
        providers=cast("Providers", maker), load_file=load, store_artifact=cast("Any", None),
        report=unheard, journal=Ordered(ref),
    )  # fmt: skip


FILM = VideoGenerate(file=uuid4(), seconds=4)
EDIT = ImageEdit(file=uuid4(), prompt="Make it dawn")


async def test_a_film_of_a_picture_is_polled_while_the_pictures_are_away() -> None:
    maker, away = Maker(), Unavailable(store="blobs", reason="down")
    with pytest.raises(Parked):
        await video.generate(FILM, context(maker, away, ref="task-1"))
    assert [ask.picture for ask in maker.asked] == [None]
    with pytest.raises(Unavailable):
        await video.generate(FILM, context(maker, away, ref=None))


async def test_a_change_of_a_picture_that_was_deleted_since_is_still_asked_for() -> None:
    maker, deleted = Maker(), Missing("file_not_found")
    with pytest.raises(Parked):
        await image.edit(EDIT, context(maker, deleted, ref="task-1"))
    assert [ask.picture for ask in maker.asked] == [b""]
    with pytest.raises(Missing):
        await image.edit(EDIT, context(maker, deleted, ref=None))
