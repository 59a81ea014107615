"""Registry, guard and real adapters against providers that are played: who is asked, how often, and who
answers instead.
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
import pytest_asyncio

from ops.base.accounts import endpoints
from ops.base.children import DECODE, MAKE, Children
from ops.base.clock import monotonic_s
from ops.base.settings import Settings, load_settings
from ops.sandbox import Sandbox
from schemas.catalogue import catalogue
from schemas.errors import Permanent
from schemas.models import Model
from schemas.plans import PlanName
from schemas.providers import ProviderBook, provider_book
from storage.provider_board import key_mark
from storage.queue import Queue
from workers.providers.guard.board import RedisBoard
from workers.providers.guard.guard import Denied, Guard
from workers.providers.journal import Journal, Parked
from workers.providers.port import Call, GenerateImage, GenerateText, GenerateVideo, Moderate, Tools
from workers.providers.registry import Chosen, Providers, build_providers, open_providers

KEY = "sk-chain"
FOX = GenerateImage("a fox in the snow", 512, 512, None)
FILM = GenerateVideo("waves at dusk", None, 4)


@dataclass
class Diary:
    """A journal in memory: what was intended with which row, and what came of it."""

    lines: list[str] = field(default_factory=list)
    row: str | None = None
    remote_ref: str | None = None
    unanswered: bool = False
    callback_url: str | None = None
    model: str = ""

    def for_model(self, model: Model) -> Journal:
        return replace(self, model=model.name)

    async def intend(self) -> None:
        self.lines.append(f"intend {self.model}")

    async def bought(self, remote_ref: str) -> None:
        self.lines.append(f"bought {remote_ref}")

    async def unsold(self, outcome: str) -> None:
        self.lines.append(f"unsold {outcome}")

    async def paid(self, outcome: str, *, cost_usd_micros: int | None) -> None:
        self.lines.append(f"paid {outcome}")


@pytest_asyncio.fixture
async def tools() -> AsyncIterator[Tools]:
    tools = Tools(decode=Children(DECODE, slots=1), make=Children(MAKE, slots=1))
    yield tools
    await tools.decode.close()
    await tools.make.close()


@pytest_asyncio.fixture
async def queue(redis_url: str) -> AsyncIterator[Queue]:
    queue = await Queue.open(redis_url)
    yield queue
    await queue.aclose()


def settings(sandbox: Sandbox, *providers: str) -> Settings:
    told: dict[str, Any] = {
        "openai_base_url": sandbox.openai_url,
        "openrouter_base_url": sandbox.openrouter_url,
        "kie_base_url": sandbox.kie_url,
    }
    return load_settings(**told, **{f"{name}_api_key": KEY for name in providers})


def call(chosen: Chosen[Any], diary: Diary | None = None) -> Call:
    told = Call(chosen.model, monotonic_s() + 60.0)
    return told if diary is None else replace(told, journal=diary)


async def test_without_keys_the_local_provider_answers(
    sandbox: Sandbox, queue: Queue, tools: Tools
) -> None:
    providers = open_providers(settings(sandbox), queue, tools)
    chosen = providers.text("text.default")
    answer = await chosen.port.generate(GenerateText("Write about tides", 600), call(chosen))
    assert answer.origin.provider == "local"
    assert providers.moderation() is None
    assert providers.tasks("kie") is None
    with pytest.raises(Permanent, match="model_unavailable"):
        providers.text("claude-sonnet-5")
    assert providers.text("gemma-3-27b-it").model.name == "local-text"
    assert sandbox.calls() == []
    await providers.close()


async def test_a_key_is_enough_and_the_plan_decides(
    sandbox: Sandbox, queue: Queue, tools: Tools
) -> None:
    providers = open_providers(settings(sandbox, "openrouter", "openai"), queue, tools)
    chosen, diary = providers.for_plan(PlanName.PRO).text("text.default"), Diary()
    answer = await chosen.port.generate(GenerateText("Write about tides", 600), call(chosen, diary))
    assert (answer.origin.provider, answer.origin.model) == ("openrouter", "gpt-5.6-luna")
    assert diary.lines == ["intend gpt-5.6-luna", "paid ok"]
    assert providers.video("video.default").model.name == "or-wan-2.7"
    judges = providers.moderation()
    assert judges is not None
    verdict = await judges.port.judge(Moderate("a walk in the park"), call(judges))
    assert not verdict.flagged
    assert providers.tasks("openrouter") is not None
    await providers.close()


async def test_an_unpaid_bill_is_answered_by_the_next_and_stops_the_first_for_all(
    sandbox: Sandbox, queue: Queue, tools: Tools
) -> None:
    sandbox.set_faults({"match": {"provider": "kie"}, "fault": "payment_required"})
    told = settings(sandbox, "kie", "openrouter")
    first, second = (open_providers(told, queue, tools) for _ in range(2))
    diary = Diary()
    for providers in (first, second):
        chosen = providers.image("image.default")
        assert chosen.model.name == "nano-banana-2"
        answer = await chosen.port.generate(FOX, call(chosen, diary))
        assert answer.origin.model == "or-gemini-2.5-flash-image"
    assert diary.lines == [
        *("intend nano-banana-2", "unsold quota_exhausted"),
        *("intend or-gemini-2.5-flash-image", "paid ok") * 2,
    ]
    assert len(sandbox.calls(provider="kie")) == 1
    assert [order["provider"] for order in sandbox.journal()] == ["openrouter"] * 2
    await first.close()
    await second.close()


async def test_a_look_for_a_task_is_a_poll_like_any_other(
    sandbox: Sandbox, queue: Queue, tools: Tools
) -> None:
    """Ten a second for all processes together; who is above that comes back later, having asked nobody."""
    told = settings(sandbox, "kie")
    crowd = [open_providers(told, queue, tools) for _ in range(3)]
    row = catalogue().row("kling-3.0")
    assert row is not None

    async def look(providers: Providers) -> str:
        board = providers.tasks("kie")
        assert board is not None
        try:
            assert await board.look("no_such_task", Call(row, monotonic_s() + 20)) is None
        except Parked as parked:
            return "parked" if parked.delay_s > 0 else "never"
        return "asked"

    said = await asyncio.gather(*(look(crowd[n % 3]) for n in range(40)))
    assert {"asked", "parked"} == set(said)
    calls = sandbox.calls(operation="poll")
    assert len(calls) == said.count("asked")
    assert {call["status"] for call in calls} == {200}
    assert "429" not in {call["error"] for call in calls}, (
        "no task of that name, and nothing above the limit"
    )
    for providers in crowd:
        await providers.close()


async def test_nobody_calls_while_a_provider_asks_for_quiet(
    sandbox: Sandbox, queue: Queue, tools: Tools
) -> None:
    sandbox.set_faults(
        {"match": {"operation": "chat"}, "fault": "rate_limited", "value": "2", "times": 1}
    )
    told = settings(sandbox, "openrouter")
    crowd = [open_providers(told, queue, tools) for _ in range(3)]

    async def insist(providers: Providers) -> str:
        chosen = providers.text("mistral-nemo")
        while True:
            try:
                answer = await chosen.port.generate(
                    GenerateText("Write about tides", 300), call(chosen, Diary())
                )
            except Exception as error:
                wait_s = getattr(error, "facts", {}).get("retry_after_s")
                if wait_s is None:
                    raise
                await asyncio.sleep(wait_s)
            else:
                return answer.origin.model

    await insist(crowd[0])
    sandbox.set_faults(
        {"match": {"operation": "chat"}, "fault": "rate_limited", "value": "ms:700", "times": 1}
    )
    await insist(crowd[0])
    assert await asyncio.gather(*map(insist, crowd)) == ["mistral-nemo"] * 3
    assert len(sandbox.calls(status=429)) == 2
    assert not any(seen["too_early"] for seen in sandbox.calls())
    for providers in crowd:
        await providers.close()


async def test_tasks_are_created_and_asked_after_no_faster_than_allowed(
    sandbox: Sandbox, queue: Queue, tools: Tools
) -> None:
    """Limits like the real ones in less time, and two processes that share them."""
    sandbox.set_limits(kie_creates=4, kie_creates_window_s=1.0, kie_polls=5, kie_polls_window_s=0.5)
    data = provider_book().model_dump()
    data["providers"]["kie"]["classes"] = {
        "buy": [{"calls": 4, "per_s": 2.5}],
        "poll": [{"calls": 5, "per_s": 1.5}],
    }
    rules, accounts = ProviderBook.model_validate(data), endpoints(settings(sandbox, "kie"))
    both = [
        build_providers(
            catalogue(), tools, accounts=accounts,
            guard=Guard(rules, RedisBoard(queue, rules.breaker), accounts={"kie": key_mark(KEY)}),
        )
        for _ in range(2)
    ]  # fmt: skip
    diaries = [Diary(row="runway") for _ in range(8)]

    async def order_and_ask(number: int, diary: Diary) -> None:
        chosen = both[number % 2].video("runway")
        while diary.remote_ref is None:
            try:
                await chosen.port.generate(FILM, call(chosen, diary))
            except Denied as denied:
                await asyncio.sleep(denied.wait.wait_s)
            except Parked:
                diary.remote_ref = diary.lines[-1].removeprefix("bought ")
        for _ in range(2):
            with pytest.raises(Parked) as parked:
                await chosen.port.generate(FILM, call(chosen, diary))
            await asyncio.sleep(min(parked.value.delay_s, 0.5))

    sandbox.set_timing(seconds=600.0)
    await asyncio.gather(*(order_and_ask(*each) for each in enumerate(diaries)))
    assert len(sandbox.journal()) == len({diary.remote_ref for diary in diaries}) == 8
    assert len(sandbox.calls(operation="poll")) >= 8
    assert sandbox.calls(status=429) == [], "the provider never had to say no"
    for providers in both:
        await providers.close()
