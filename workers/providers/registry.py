"""Which adapter answers for which model. Adapters are named here and imported when they are needed:
those of providers with an account, and the local one.

What a task gets is a chain behind one port (`guard.line`); it never learns how many there are.
"""

import importlib
from collections.abc import Callable, Mapping
from copy import copy
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Generic, TypeVar, cast

from ops.base import clock
from ops.base.accounts import LOCAL, Endpoint, endpoints
from ops.base.settings import Settings
from schemas.catalogue import Catalogue, catalogue
from schemas.errors import ConfigError, InvalidInput, Permanent
from schemas.models import Modality, Model
from schemas.plans import PlanName
from schemas.providers import provider_book
from storage.queue import Queue
from workers.providers.guard.guard import Guard
from workers.providers.guard.line import Line, Link
from workers.providers.guard.ports import (
    GuardedBoard,
    GuardedFile,
    GuardedImage,
    GuardedModeration,
    GuardedText,
    GuardedVideo,
    GuardedVision,
)
from workers.providers.port import (
    Adapter,
    FileProvider,
    ImageProvider,
    ModerationProvider,
    TaskBoard,
    TextProvider,
    Tools,
    VideoProvider,
    VisionProvider,
)

MODULES: Final[Mapping[str, str]] = {
    LOCAL: "workers.providers.local.adapter",
    "openai": "workers.providers.openai.adapter",
    "openrouter": "workers.providers.openrouter.adapter",
    "kie": "workers.providers.kie.adapter",
}
"""Provider name of a catalogue row -> module with `build(tools, account) -> Adapter`; the local one's
takes tools alone.
"""

P = TypeVar("P")


@dataclass(frozen=True, slots=True)
class Chosen(Generic[P]):
    """The port to call and the row that is asked first."""

    port: P
    model: Model


class Providers:
    """Finds the port behind a model name. Every method raises Permanent `unknown_model`, or
    `model_unavailable` for one that nobody can answer for with the keys there are.
    """

    def __init__(
        self,
        book: Catalogue,
        adapters: Mapping[str, Adapter],
        *,
        guard: Guard | None = None,
        plan: PlanName | None = None,
    ) -> None:
        """Without a `guard`: one that knows only this process. `plan`: whose candidates aliases have."""
        self._catalogue = book.bound(adapters, lambda: clock.now().date())
        self._adapters = adapters
        self._guard = guard or Guard(provider_book(), None)
        self._plan = plan
        self._by_plan: dict[PlanName | None, Providers] = {plan: self}
        self.judges = any(adapter.moderation is not None for adapter in adapters.values())
        """Whether there may be somebody to ask about texts and pictures."""

    @property
    def book(self) -> Catalogue:
        """The catalogue as far as somebody answers for it here, today."""
        return self._catalogue

    def for_plan(self, plan: PlanName | None) -> "Providers":
        """The same adapters behind the same guard, asked for somebody on this plan."""
        asked = self._by_plan.get(plan)
        if asked is None:
            asked = self._by_plan[plan] = copy(self)
            asked._plan = plan  # noqa: SLF001 (our own copy)
        return asked

    def text(self, name: str) -> Chosen[TextProvider]:
        line, model = self._line(name, "text", lambda adapter: adapter.text)
        return Chosen(GuardedText(line), model)

    def image(self, name: str) -> Chosen[ImageProvider]:
        """A model that makes pictures."""
        line, model = self._line(name, "image", lambda adapter: adapter.image)
        return Chosen(GuardedImage(line), model)

    def edit(self, name: str) -> Chosen[ImageProvider]:
        """A model that changes pictures."""
        line, model = self._line(name, "edit", lambda adapter: adapter.image)
        return Chosen(GuardedImage(line), model)

    def vision(self, name: str) -> Chosen[VisionProvider]:
        line, model = self._line(name, "vision", lambda adapter: adapter.vision)
        return Chosen(GuardedVision(line), model)

    def video(self, name: str) -> Chosen[VideoProvider]:
        line, model = self._line(name, "video", lambda adapter: adapter.video)
        return Chosen(GuardedVideo(line), model)

    def file(self, name: str) -> Chosen[FileProvider]:
        line, model = self._line(name, "file", lambda adapter: adapter.file)
        return Chosen(GuardedFile(line), model)

    def moderation(self) -> Chosen[ModerationProvider] | None:
        """Who judges texts and pictures; None when there is no key for one."""
        try:
            line, model = self._line(
                "moderation.default", "moderation", lambda adapter: adapter.moderation
            )
        except Permanent:
            return None
        return Chosen(GuardedModeration(line), model)

    def tasks(self, provider: str) -> TaskBoard | None:
        """Where the tasks of a provider are looked up, within its limits; None when it has none, or no
        key.
        """
        adapter = self._adapters.get(provider)
        board = adapter.tasks if adapter else None
        return GuardedBoard(self._guard, board) if board else None

    def model(self, name: str) -> Model | None:
        """The row of that very name, retired or not."""
        return self._catalogue.row(name)

    async def close(self) -> None:
        """End the connections of all adapters."""
        for adapter in self._adapters.values():
            await adapter.close()

    def _line(
        self,
        name: str,
        modality: Modality,
        pick: Callable[[Adapter], P | None],
    ) -> tuple[Line[P], Model]:
        try:
            rows = self._catalogue.candidates(name, modality, plan=self._plan)
        except InvalidInput as error:
            # The catalogue or the keys changed after the job was accepted; asking again will not help.
            raise Permanent(error.code, model=name) from None
        links = [link for row in rows if (link := self._link(row, pick))]
        if not links:
            raise Permanent("unknown_model", model=name)
        return Line(self._guard, links, partial(self._find, pick)), links[0].model

    def _find(self, pick: Callable[[Adapter], P | None], name: str) -> Link[P] | None:
        row = self._catalogue.row(name)
        return self._link(row, pick) if row else None

    def _link(self, row: Model, pick: Callable[[Adapter], P | None]) -> Link[P] | None:
        adapter = self._adapters.get(row.provider)
        port = pick(adapter) if adapter else None
        return None if port is None else Link(port, row)


def build_providers(
    book: Catalogue,
    tools: Tools,
    *,
    accounts: Mapping[str, Endpoint] | None = None,
    guard: Guard | None = None,
) -> Providers:
    """The adapters of the providers in `accounts`, and the local one.

    ConfigError for a row of the catalogue that nobody here knows how to answer for.
    """
    accounts = accounts or {}
    for name in sorted({model.provider for model in book.models}):
        if name not in MODULES:
            raise ConfigError(
                setting="schemas/data/models.yaml", problem=f"no provider named {name}"
            )
    adapters = {name: _load(name, tools, accounts.get(name)) for name in (LOCAL, *sorted(accounts))}
    return Providers(book, adapters, guard=guard)


def open_providers(settings: Settings, queue: Queue, tools: Tools) -> Providers:
    """What a worker process asks: the providers that the settings have a key for, or the local one, behind
    the guard that all processes on this Redis share. Raises ConfigError.
    """
    accounts = endpoints(settings)
    return build_providers(catalogue(), tools, accounts=accounts, guard=Guard.open(queue, accounts))


def _load(name: str, tools: Tools, endpoint: Endpoint | None) -> Adapter:
    build: Any = importlib.import_module(MODULES[name]).build
    if endpoint is None:
        return cast("Adapter", build(tools))
    from workers.providers.wire import Account

    account = Account(endpoint.base_url, endpoint.api_key, endpoint.upload_url)
    return cast("Adapter", build(tools, account))
