"""The chain of candidates and the verdicts on its calls, in one process without Redis."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from ops.base import metrics
from ops.base.clock import monotonic_s
from schemas.catalogue import catalogue
from schemas.errors import JobFault, LostLease, Permanent, Retryable
from schemas.models import Model
from schemas.providers import BreakerRules, ProviderBook, provider_book
from storage.provider_board import key_mark
from workers.providers.guard.board import Verdict
from workers.providers.guard.guard import FRESH_S, Denied, Guard
from workers.providers.guard.line import Line, Link
from workers.providers.guard.verdicts import code_of, verdict_of
from workers.providers.journal import Journal, Parked
from workers.providers.port import Call
from workers.providers.wire_deal import buy

RULES = provider_book().breaker
NAMES = ("nano-banana-2", "or-gemini-2.5-flash-image", "gpt-image-2.5-flare")


def row(name: str) -> Model:
    found = catalogue().row(name)
    assert found is not None
    return found


@dataclass
class Port:
    """An adapter that says what it is told to, and remembers how it was asked."""

    model: Model
    says: Sequence[BaseException | str] = ("picture",)
    calls: list[Call] = field(default_factory=list)

    async def draw(self, _ask: str, call: Call) -> str:
        told = self.says[min(len(self.calls), len(self.says) - 1)]
        self.calls.append(call)
        if isinstance(told, BaseException):
            raise told
        return f"{told} by {call.model.name}"


@dataclass
class Book:
    """A journal in memory that knows its row."""

    row: str | None = None
    remote_ref: str | None = None
    unanswered: bool = False
    callback_url: str | None = None
    bound_to: str | None = None

    def for_model(self, model: Model) -> Journal:
        return replace(self, bound_to=model.name)

    async def intend(self) -> None: ...

    async def bought(self, remote_ref: str) -> None: ...

    async def unsold(self, outcome: str) -> None: ...

    async def paid(self, outcome: str, *, cost_usd_micros: int | None) -> None: ...


def call(journal: Journal | None = None, *, last_look: bool = False) -> Call:
    told = Call(row(NAMES[0]), monotonic_s() + 60.0, last_look=last_look)
    return told if journal is None else replace(told, journal=journal)


@dataclass
class World:
    """The three candidates of a chain behind one guard."""

    ports: dict[str, Port]
    guard: Guard

    @property
    def line(self) -> Line[Port]:
        links = [Link(port, port.model) for port in self.ports.values()]
        return Line(self.guard, links, self._find)

    async def ask(self, told: Call) -> str:
        def question(port: Port, bound: Call) -> Awaitable[str]:
            return port.draw("a fox", bound)

        return await self.line.ask(told, question)

    def asked(self) -> list[int]:
        return [len(port.calls) for port in self.ports.values()]

    def _find(self, name: str) -> Link[Port] | None:
        port = self.ports.get(name)
        return Link(port, port.model) if port else None


Make = Callable[..., World]


def world(*says: Sequence[BaseException | str], book: ProviderBook | None = None) -> World:
    ports = {
        name: Port(row(name), told)
        for name, told in zip(NAMES, (*says, *[("picture",)] * (3 - len(says))), strict=True)
    }
    return World(ports, Guard(book or provider_book(), None))


def tight(**change: Any) -> ProviderBook:
    data = provider_book().model_dump()
    data["providers"]["kie"].update(change)
    return ProviderBook.model_validate(data)


async def test_the_first_candidate_answers_and_learns_its_own_row() -> None:
    here = world()
    assert await here.ask(call(Book())) == "picture by nano-banana-2"
    assert here.asked() == [1, 0, 0]
    (told,) = here.ports[NAMES[0]].calls
    assert isinstance(told.journal, Book)
    assert told.journal.bound_to == told.model.name == NAMES[0]


@pytest.mark.parametrize(
    "fault",
    [
        Retryable("provider_unavailable"),
        Retryable("rate_limited", retry_after_s=30.0),
        Permanent("quota_exhausted"),
        Permanent("unknown_model", model="x"),
        Permanent("provider_unavailable", reason="bad_key"),
    ],
    ids=str,
)
async def test_the_next_candidate_answers_when_nothing_was_sold(fault: JobFault) -> None:
    here = world([fault])
    counter = metrics.provider_fallbacks.labels(provider="kie")
    before = counter._value.get()
    assert await here.ask(call(Book())) == "picture by or-gemini-2.5-flash-image"
    assert here.asked() == [1, 1, 0]
    assert counter._value.get() == before + 1
    told = here.ports[NAMES[1]].calls[0]
    assert isinstance(told.journal, Book)
    assert told.journal.bound_to == NAMES[1]


@pytest.mark.parametrize(
    "fault",
    [
        Retryable("provider_unknown"),
        Retryable("bad_result"),
        Permanent("content_refused"),
        Permanent("provider_refused"),
        Permanent("overdue"),
        LostLease(),
        Parked(5.0),
        ValueError("a mistake of ours"),
    ],
    ids=str,
)
async def test_nobody_else_is_asked_when_something_may_be_sold_or_is_refused(
    fault: Exception,
) -> None:
    here = world([fault])
    with pytest.raises(type(fault)) as raised:
        await here.ask(call(Book()))
    assert raised.value is fault
    assert here.asked() == [1, 0, 0]


async def test_when_nobody_can_the_shortest_wait_is_told() -> None:
    here = world(
        [Permanent("unknown_model")],
        [Retryable("rate_limited", retry_after_s=9.0)],
        [Retryable("provider_unavailable", retry_after_s=4.0)],
    )
    with pytest.raises(Retryable) as raised:
        await here.ask(call(Book()))
    assert (raised.value.code, raised.value.facts["retry_after_s"]) == ("provider_unavailable", 4.0)
    assert here.asked() == [1, 1, 1]


async def test_a_stopped_provider_is_not_asked_again_and_the_job_learns_why() -> None:
    quota = [Permanent("quota_exhausted")]
    here = world(quota, quota, quota)
    for _ in range(2):
        with pytest.raises(Permanent) as raised:
            await here.ask(call(Book()))
        assert raised.value.code == "quota_exhausted"
    assert here.asked() == [1, 1, 1]


async def test_a_pause_that_was_asked_for_is_kept() -> None:
    here = world([Retryable("rate_limited", retry_after_s=30.0), "picture"])
    for _ in range(3):
        assert "or-gemini" in await here.ask(call(Book()))
    assert here.asked() == [1, 3, 0]


async def test_a_near_turn_is_waited_for_and_a_far_one_passed_over() -> None:
    near = world(book=tight(classes={"buy": [{"calls": 1, "per_s": 5}]}))
    await near.ask(call(Book()))
    with pytest.raises(Denied) as denied:
        await near.ask(call(Book()))
    assert denied.value.code == "rate_limited"
    assert denied.value.facts["counted"] is False
    assert 0 < denied.value.facts["retry_after_s"] <= 5
    far = world(book=tight(classes={"buy": [{"calls": 1, "per_s": 60}]}))
    await far.ask(call(Book()))
    assert "or-gemini" in await far.ask(call(Book()))


async def test_what_was_bought_is_asked_for_where_it_was_bought() -> None:
    here = world([Permanent("quota_exhausted")])
    await here.ask(call(Book()))
    bought = Book(row=NAMES[0], remote_ref="task-1")
    with pytest.raises(Permanent, match="quota_exhausted"):
        await here.ask(call(bought))
    assert here.asked() == [2, 1, 0], "a stop is about buying; the chain is not walked"
    lost = Book(row=NAMES[2], unanswered=True)
    assert "flare" in await here.ask(call(lost))


async def test_a_poll_without_a_turn_parks_its_job() -> None:
    here = world(book=tight(classes={"poll": [{"calls": 1, "per_s": 60}]}))
    bought = Book(row=NAMES[0], remote_ref="task-1")
    await here.ask(call(bought))
    with pytest.raises(Parked) as parked:
        await here.ask(call(bought))
    assert 0 < parked.value.delay_s <= 60


async def test_what_was_bought_where_nobody_can_ask_any_more_waits() -> None:
    here = world()
    with pytest.raises(Retryable) as raised:
        await here.ask(call(Book(row="veo-3.1", remote_ref="task-1")))
    assert raised.value.facts["counted"] is False
    assert here.asked() == [0, 0, 0]


async def test_a_last_look_waits_in_place_for_its_turn() -> None:
    here = world(book=tight(classes={"poll": [{"calls": 1, "per_s": 2}]}))
    bought = Book(row=NAMES[0], remote_ref="task-1")
    await here.ask(call(bought))
    with pytest.raises(Parked):
        await here.ask(call(bought))
    assert await here.ask(call(bought, last_look=True))


async def test_an_order_that_may_not_leave_is_not_announced_and_the_next_is_asked() -> None:
    """While a picture is uploaded the account is told to be quiet."""
    here, orders = world(), list[str]()

    async def quiet() -> None:
        raise Retryable("rate_limited", retry_after_s=30.0)

    async def draw(port: Port, bound: Call) -> str:
        async def order() -> str:
            orders.append(port.model.name)
            return "drawn"

        if not orders and port.model.name == NAMES[0]:
            with pytest.raises(Retryable):
                await here.guard.call(row(NAMES[0]), quiet, left_s=5.0, bought=True)
            await asyncio.sleep(2 * FRESH_S)
        return await buy(bound, order)

    assert await here.line.ask(call(Book()), draw) == "drawn"
    assert orders == [NAMES[1]]


async def test_calls_at_once_are_bounded_and_a_cancelled_one_gives_its_place_back() -> None:
    here = world(book=tight(concurrency=1))
    running = asyncio.Event()

    async def hang() -> str:
        running.set()
        return await asyncio.Future()

    model = row(NAMES[0])
    hanging = asyncio.ensure_future(here.guard.call(model, hang, left_s=60.0))
    await running.wait()
    with pytest.raises(Denied) as denied:
        await here.guard.call(model, hang, left_s=60.0)
    assert denied.value.wait.reason == "full"
    hanging.cancel()
    with pytest.raises(asyncio.CancelledError):
        await hanging
    assert await here.ask(call(Book()))


async def test_local_rows_know_no_limits() -> None:
    guard = world().guard
    model = row("local-art")
    counter = metrics.provider_calls.labels(provider="local", model="local-art", outcome="ok")
    before = counter._value.get()

    async def draw() -> str:
        return "drawn"

    for _ in range(30):
        assert await guard.call(model, draw, left_s=1.0) == "drawn"
    assert counter._value.get() == before + 30


@pytest.mark.parametrize(
    ("error", "buys", "verdict"),
    [
        (None, True, Verdict("good")),
        (None, False, Verdict("neutral")),
        (Parked(3.0), True, Verdict("good")),
        (Permanent("content_refused"), True, Verdict("good")),
        (Retryable("provider_unknown"), True, Verdict("bad", why="provider_unknown")),
        (Retryable("provider_unavailable"), False, Verdict("neutral")),
        (Retryable("provider_unavailable", retry_after_s=7), True,
         Verdict("bad", pause_s=7.0, why="provider_unavailable")),
        (Retryable("provider_unavailable", retry_after_s=7), False, Verdict("neutral")),
        (Retryable("provider_unavailable", retry_after_s=7, pause_s=7), False,
         Verdict("neutral", pause_s=7.0, why="provider_unavailable")),
        (Permanent("quota_exhausted", retry_after_s=RULES.stop_s + 60), True,
         Verdict("neutral", stop_s=RULES.stop_s + 60, why="quota_exhausted")),
        (Retryable("rate_limited", retry_after_s=2.5), False,
         Verdict("neutral", pause_s=2.5, why="rate_limited")),
        (Permanent("quota_exhausted"), True,
         Verdict("neutral", stop_s=RULES.stop_s, why="quota_exhausted")),
        (Permanent("provider_unavailable", reason="bad_key"), True,
         Verdict("neutral", stop_s=RULES.stop_s, why="bad_key")),
        (Permanent("unknown_model"), True, Verdict("gone")),
        (LostLease(), True, Verdict("neutral")),
        (ValueError(), True, Verdict("neutral")),
        (asyncio.CancelledError(), True, Verdict("neutral")),
    ],
)  # fmt: skip
def test_verdicts(error: BaseException | None, *, buys: bool, verdict: Verdict) -> None:
    rules: BreakerRules = RULES
    assert verdict_of(error, rules, buys=buys) == verdict


@pytest.mark.parametrize(
    ("error", "word"),
    [
        (None, "ok"),
        (Parked(1.0), "ok"),
        (Permanent("bad_result"), "bad_result"),
        (TimeoutError(), "timeout"),
        (ValueError(), "internal"),
        (asyncio.CancelledError(), "cancelled"),
    ],
)
def test_outcomes_are_one_of_a_few_words(error: BaseException | None, word: str) -> None:
    assert code_of(error) == word


def test_a_key_leaves_a_mark_that_does_not_show_it() -> None:
    assert key_mark("sk-one") != key_mark("sk-two")
    assert "sk" not in key_mark("sk-one")
    assert len(key_mark("x" * 500)) == 8
