"""What the suites of remote adapters share: the questions that can be asked, a journal to look into,
and a way to ask until there is an answer. The provider is the sandbox, on a real socket.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from ops.base.clock import monotonic_s
from ops.sandbox import Sandbox
from schemas.catalogue import Model, catalogue
from schemas.errors import JobFault
from schemas.payloads import Crop, Tone
from workers.providers.journal import Parked
from workers.providers.port import (
    Adapter,
    AnalyzeImage,
    Call,
    EditImage,
    GenerateImage,
    GenerateText,
    GenerateVideo,
    ImproveText,
    Tools,
    unheard,
)

Operation = Literal["chat", "image", "task"]
ORDERS = ("chat", "image", "task")
POLLS_MAX = 12


@dataclass
class Notebook:
    """A journal in memory that insists on the order of things."""

    remote_ref: str | None = None
    callback_url: str | None = None
    unanswered: bool = False
    entries: list[str] = field(default_factory=list)
    cost_usd_micros: int | None = None
    refuses: dict[str, Exception] = field(default_factory=dict)

    async def intend(self) -> None:
        self._enter("intend")
        assert not self.unanswered, "a second purchase while the first is open"
        self.unanswered = True

    async def bought(self, remote_ref: str) -> None:
        self._enter(f"bought {remote_ref}")
        assert self.unanswered
        self.remote_ref, self.unanswered = remote_ref, False

    async def unsold(self, outcome: str) -> None:
        self._enter(f"unsold {outcome}")
        assert self.unanswered or self.remote_ref
        self.unanswered = False

    async def paid(self, outcome: str, *, cost_usd_micros: int | None) -> None:
        self._enter(f"paid {outcome}")
        assert self.unanswered or self.remote_ref
        self.unanswered, self.cost_usd_micros = False, cost_usd_micros

    @property
    def words(self) -> list[str]:
        """The entries without what they are about."""
        return [entry.split()[0] for entry in self.entries]

    def _enter(self, entry: str) -> None:
        self.entries.append(entry)
        if error := self.refuses.get(entry.split(maxsplit=1)[0]):
            raise error


Ask = Callable[[Adapter, Call, bytes], Awaitable[Any]]


@dataclass(frozen=True)
class Case:
    """One thing that one provider can be asked for."""

    name: str
    model: str
    operation: Operation
    ask: Ask
    listens: bool = False

    @property
    def row(self) -> Model:
        row = catalogue().row(self.model)
        assert row is not None
        return row

    @property
    def provider(self) -> str:
        return self.row.provider


async def _improve(adapter: Adapter, call: Call, _photo: bytes) -> Any:
    assert adapter.text
    return await adapter.text.improve(ImproveText("My freind has recieved it.", "correct"), call)


async def _generate(adapter: Adapter, call: Call, _photo: bytes) -> Any:
    assert adapter.text
    return await adapter.text.generate(GenerateText("Write about tides", 1_800), call)


async def _see(adapter: Adapter, call: Call, photo: bytes) -> Any:
    assert adapter.vision
    return await adapter.vision.analyze(AnalyzeImage(photo), call)


async def _draw(adapter: Adapter, call: Call, _photo: bytes) -> Any:
    assert adapter.image
    return await adapter.image.generate(GenerateImage("sea at sunset", 512, 384, 5), call)


async def _edit(adapter: Adapter, call: Call, photo: bytes) -> Any:
    assert adapter.image
    operations = (Crop(right=0.5), Tone(saturation=0.5))
    return await adapter.image.edit(EditImage(photo, operations, prompt="Make it dawn."), call)


async def _film(adapter: Adapter, call: Call, _photo: bytes) -> Any:
    assert adapter.video
    return await adapter.video.generate(GenerateVideo("night city", None, 4), call)


async def _film_of(adapter: Adapter, call: Call, photo: bytes) -> Any:
    assert adapter.video
    return await adapter.video.generate(GenerateVideo(None, photo, 4), call)


CASES = (
    Case("openai improve", "gpt-6-luna", "chat", _improve),
    Case("openai text", "gpt-6-luna", "chat", _generate),
    Case("openai stream", "gpt-6-luna", "chat", _generate, listens=True),
    Case("openai sight", "gpt-5.4-mini", "chat", _see),
    Case("openai image", "gpt-image-2.5-flare", "image", _draw),
    Case("openai edit", "gpt-image-2.5-flare", "image", _edit),
    Case("openrouter improve", "mistral-small-3.2", "chat", _improve),
    Case("openrouter text", "mistral-small-3.2", "chat", _generate),
    Case("openrouter stream", "mistral-small-3.2", "chat", _generate, listens=True),
    Case("openrouter sight", "gemini-2.5-flash-lite", "chat", _see),
    Case("openrouter image", "or-gemini-2.5-flash-image", "image", _draw),
    Case("openrouter edit", "or-gemini-2.5-flash-image", "chat", _edit),
    Case("openrouter film", "or-wan-2.7", "task", _film),
    Case("openrouter film of a picture", "or-seedance-2", "task", _film_of),
    Case("kie image", "nano-banana-2", "task", _draw),
    Case("kie edit", "nano-banana-2", "task", _edit),
    Case("kie film", "kling-3.0", "task", _film),
    Case("kie film of a picture", "kling-3.0", "task", _film_of),
    Case("kie veo", "veo-3.1-lite", "task", _film),
    Case("kie veo of a picture", "veo-3.1-lite", "task", _film_of),
    Case("kie runway", "runway", "task", _film),
    Case("kie runway of a picture", "runway", "task", _film_of),
)


def case(name: str) -> Case:
    return next(each for each in CASES if each.name == name)


def named(*names: str) -> list[Case]:
    return [case(name) for name in names]


@dataclass(frozen=True)
class Stage:
    """The provider that is played, and our adapters on it."""

    sandbox: Sandbox
    tools: Tools
    adapters: dict[str, Adapter]
    photo: bytes

    def call(
        self,
        wanted: Case,
        notebook: Notebook,
        *,
        seconds: float = 30.0,
        heard: list[str] | None = None,
        **more: Any,
    ) -> Call:
        listener = (heard if heard is not None else []).append if wanted.listens else None
        return Call(
            wanted.row,
            monotonic_s() + seconds,
            unheard,
            notebook,
            on_text=listener,
            **more,
        )

    async def ask(self, wanted: Case, call: Call) -> Any:
        """Once."""
        return await wanted.ask(self.adapters[wanted.provider], call, self.photo)

    async def finish(self, wanted: Case, call: Call) -> Any:
        """Until it is neither parked nor only delayed; nobody waits as long as he is told to."""
        for _ in range(POLLS_MAX):
            try:
                return await self.ask(wanted, call)
            except Parked:
                continue
        msg = "parked for ever"
        raise AssertionError(msg)

    async def fault(self, wanted: Case, call: Call) -> JobFault:
        """What it ends with."""
        try:
            answer = await self.finish(wanted, call)
        except JobFault as fault:
            return fault
        msg = f"no fault but {str(answer)[:200]}"
        raise AssertionError(msg)

    def orders(self) -> list[dict[str, Any]]:
        """The requests that wanted to buy something, accepted or not."""
        return [row for row in self.sandbox.calls(direction="in") if row["operation"] in ORDERS]

    async def bought(self) -> list[dict[str, Any]]:
        return await asyncio.to_thread(self.sandbox.journal)
