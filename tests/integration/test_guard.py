"""The guard over a real Redis: what one process learns all of them keep, and nothing stays for ever."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from ops.base.clock import monotonic_s
from schemas.catalogue import catalogue
from schemas.errors import Permanent, Retryable
from schemas.models import Model
from schemas.providers import ProviderBook, provider_book
from storage.provider_board import PREFIX, look
from storage.queue import Queue
from tests.support import wait_until
from workers.providers.guard.board import Change, Go, RedisBoard, Verdict, Wish
from workers.providers.guard.guard import FRESH_S, Denied, Guard, Leave

Say = Callable[[], Awaitable[str]]


def row(name: str) -> Model:
    found = catalogue().row(name)
    assert found is not None
    return found


PICTURE, FILM, FREE_TEXT = row("nano-banana-2"), row("runway"), row("gemma-4-31b-free")


def book(*, breaker: dict[str, Any] | None = None, **kie: Any) -> ProviderBook:
    data = provider_book().model_dump()
    data["breaker"].update({"failures": 3, "open_s": 1.5, "open_max_s": 30, **(breaker or {})})
    data["providers"]["kie"].update(kie)
    return ProviderBook.model_validate(data)


@dataclass
class Cluster:
    """Guards of several processes on one Redis."""

    url: str
    queues: list[Queue] = field(default_factory=list)

    async def guard(self, rules: ProviderBook, *, mark: str = "k") -> Guard:
        queue = await Queue.open(self.url)
        self.queues.append(queue)
        board = RedisBoard(queue, rules.breaker)
        return Guard(rules, board, accounts={"kie": mark, "openrouter": mark})


@pytest.fixture
async def cluster(redis_url: str) -> AsyncIterator[Cluster]:
    here = Cluster(redis_url)
    yield here
    for queue in here.queues:
        await queue.aclose()


async def fine() -> str:
    return "fine"


def failing(error: Exception) -> Say:
    async def fail() -> str:
        raise error

    return fail


async def ask(guard: Guard, model: Model, say: Say = fine, **told: Any) -> str:
    """The answer, or in one word why there was none."""
    try:
        return await guard.call(model, say, left_s=60.0, **told)
    except Denied as denied:
        return denied.wait.reason if denied.wait.wait_s > 0 else "no wait"
    except (Retryable, Permanent) as fault:
        return fault.code


ILL = failing(Retryable("provider_unavailable"))


async def test_a_rate_holds_for_all_processes_together(cluster: Cluster) -> None:
    rules = book(classes={"buy": [{"calls": 5, "per_s": 60}], "poll": [{"calls": 2, "per_s": 60}]})
    guards = [await cluster.guard(rules) for _ in range(3)]
    answers = await asyncio.gather(*(ask(guard, FILM) for guard in guards for _ in range(5)))
    assert sorted(answers) == ["busy"] * 10 + ["fine"] * 5
    polls = [await ask(guard, FILM, bought=True) for guard in guards]
    assert polls == ["fine", "fine", "busy"], "another class, another window"
    stranger = await cluster.guard(rules, mark="other")
    assert await ask(stranger, FILM) == "fine", "another key is another account"


async def test_who_waits_gets_a_turn_of_its_own(cluster: Cluster) -> None:
    guard = await cluster.guard(book(classes={"buy": [{"calls": 1, "per_s": 30}]}))
    await ask(guard, FILM)
    waits = []
    for _ in range(3):
        with pytest.raises(Denied) as denied:
            await guard.call(FILM, fine, left_s=60.0)
        waits.append(denied.value.wait.wait_s)
    assert 0 < waits[0] <= 31
    assert waits[1] > waits[0] + 20
    assert waits[2] > waits[1] + 20


async def test_what_takes_long_to_get_ready_is_counted_where_it_leaves(cluster: Cluster) -> None:
    """All get ready in turn and wait for each other; then they would leave together."""
    rules = book(classes={"buy": [{"calls": 2, "per_s": 1}]})
    guards = [await cluster.guard(rules) for _ in range(2)]
    together, left = asyncio.Barrier(6), list[float]()

    async def upload(leave: Leave) -> str:
        await together.wait()
        await leave()
        left.append(monotonic_s())
        return "fine"

    selling = (
        guard.sell(FILM, upload, left_s=600.0, patience_s=60.0)
        for guard in guards
        for _ in range(3)
    )
    assert await asyncio.gather(*selling) == ["fine"] * 6
    # By our clock, a little late; by Redis' own they are a whole second apart.
    apart_s = [after - before for before, after in zip(left, left[2:], strict=False)]
    assert min(apart_s) > 0.9, apart_s


async def test_who_may_not_leave_now_is_denied_and_nobody_else_is_told(cluster: Cluster) -> None:
    first, second = [await cluster.guard(book()) for _ in range(2)]

    async def upload(leave: Leave) -> str:
        await ask(second, FILM, failing(Retryable("rate_limited", retry_after_s=1.5)), bought=True)
        await asyncio.sleep(2 * FRESH_S)
        await leave()
        return "left"

    with pytest.raises(Denied) as denied:
        await first.sell(FILM, upload, left_s=10.0)
    assert denied.value.wait.reason == "paused"
    assert denied.value.facts["counted"] is False
    pause_ms = await cluster.queues[0].pttl(f"{PREFIX}:kie:k:pause")
    assert 0 < pause_ms <= 1_500, "not longer for having been asked"
    assert await ask(second, PICTURE, patience_s=5.0) == "fine"


async def test_a_near_turn_is_waited_for_in_place(cluster: Cluster) -> None:
    guard = await cluster.guard(book(classes={"poll": [{"calls": 1, "per_s": 0.2}]}))
    assert [await ask(guard, FILM, bought=True, patience_s=5.0) for _ in range(3)] == ["fine"] * 3


async def test_a_pause_that_a_provider_asked_for_holds_for_all(cluster: Cluster) -> None:
    first, second = [await cluster.guard(book()) for _ in range(2)]
    slow_down = failing(Retryable("rate_limited", retry_after_s=1.5))
    assert await ask(first, FILM, slow_down) == "rate_limited"
    assert await ask(second, PICTURE, patience_s=0) == "paused"
    assert await ask(second, FILM, bought=True, patience_s=0) == "paused"
    assert await ask(second, FREE_TEXT) == "fine", "another provider"
    assert await ask(second, PICTURE, patience_s=5.0) == "fine"


async def test_a_breaker_opens_for_all_and_one_probe_closes_it(cluster: Cluster) -> None:
    first, second = [await cluster.guard(book()) for _ in range(2)]
    for _ in range(3):
        await ask(first, FILM, ILL)
    assert await ask(second, FILM, patience_s=0) == "open"
    assert await ask(second, PICTURE) == "fine", "a breaker is a model's, not its provider's"
    assert await ask(second, FILM, bought=True) == "fine", (
        "what was bought is asked for all the same"
    )

    entered, leave = asyncio.Event(), asyncio.Event()

    async def probe() -> str:
        entered.set()
        await leave.wait()
        return "fine"

    probing = asyncio.ensure_future(first.call(FILM, probe, left_s=60.0, patience_s=10.0))
    await asyncio.wait_for(entered.wait(), 10)
    assert await ask(second, FILM, patience_s=0) == "open", "one probe at a time"
    leave.set()
    assert await probing == "fine"
    assert await ask(second, FILM) == "fine"


async def test_a_failed_probe_opens_it_for_longer(cluster: Cluster) -> None:
    rules = book(breaker={"open_s": 0.05, "open_max_s": 0.15, "failures": 1})
    await cluster.guard(rules)
    board = RedisBoard(cluster.queues[0], rules.breaker)
    wish = Wish("t", "kie:k", FILM, rules.providers["kie"], "buy", 60.0)

    async def let_in() -> Go | None:
        answer = await board.admit(wish)
        return answer if isinstance(answer, Go) else None

    changes = []
    for _ in range(4):
        go = await wait_until(let_in, 10, "the breaker lets a call through")
        assert go is not None
        changes.append(await board.settle(wish, go, Verdict("bad")))
    assert changes == [Change("opened", open_s) for open_s in (0.05, 0.1, 0.15, 0.15)]
    go = await wait_until(let_in, 10, "the breaker lets a probe through")
    assert go == Go(probe=True)
    assert await board.settle(wish, go, Verdict("good")) == Change("closed")


async def test_a_probe_that_says_nothing_makes_room_for_the_next(cluster: Cluster) -> None:
    guard = await cluster.guard(book(breaker={"open_s": 0.05, "failures": 1}))
    await ask(guard, FILM, ILL)
    assert await ask(guard, FILM, failing(Permanent("overdue")), patience_s=10.0) == "overdue"
    assert await ask(guard, FILM) == "fine"


async def test_few_failures_among_many_answers_open_nothing(cluster: Cluster) -> None:
    guard = await cluster.guard(book(classes={}))
    for _ in range(4):
        assert await ask(guard, FILM, ILL) == "provider_unavailable"
        for _ in range(2):
            assert await ask(guard, FILM) == "fine"


async def test_a_bill_that_is_not_paid_stops_the_provider_everywhere(cluster: Cluster) -> None:
    first, second = [await cluster.guard(book()) for _ in range(2)]
    assert await ask(first, FILM, failing(Permanent("quota_exhausted"))) == "quota_exhausted"
    with pytest.raises(Denied) as denied:
        await second.call(PICTURE, fine, left_s=60.0)
    assert (denied.value.wait.reason, denied.value.wait.why) == ("stopped", "quota_exhausted")
    assert await ask(second, FILM, bought=True) == "fine"
    assert await ask(await cluster.guard(book(), mark="new-key"), FILM) == "fine"


async def test_leases_end_with_the_call_or_with_its_time(cluster: Cluster) -> None:
    guard = await cluster.guard(book(concurrency=2))
    enough = asyncio.Event()

    async def hang() -> str:
        await enough.wait()
        return "fine"

    running = [asyncio.ensure_future(ask(guard, FILM, hang)) for _ in range(2)]
    queue = cluster.queues[0]
    leases = f"{PREFIX}:kie:k:leases"

    async def both() -> bool:
        return bool(await queue.zcard(leases) == 2)

    await wait_until(both, 10, "both calls hold a lease")
    assert await ask(guard, PICTURE, patience_s=0) == "full"
    enough.set()
    assert await asyncio.gather(*running) == ["fine", "fine"]
    assert await ask(guard, PICTURE) == "fine"
    # A process died here: what it held is over when its call would have been.
    await queue.zadd(leases, {"dead-1": 1, "dead-2": 1})
    assert await ask(guard, PICTURE) == "fine"


async def test_every_key_dies_by_itself(cluster: Cluster) -> None:
    guard = await cluster.guard(book(classes={"buy": [{"calls": 2, "per_s": 60}]}))
    await ask(guard, FILM, ILL)
    await ask(guard, FILM, failing(Retryable("rate_limited", retry_after_s=0.05)))
    assert await ask(guard, FILM, patience_s=0.3) == "busy"
    await ask(guard, FREE_TEXT, failing(Permanent("quota_exhausted")))
    for _ in range(3):
        await ask(guard, FREE_TEXT, failing(Permanent("unknown_model")))
    queue = cluster.queues[0]
    keys = [key async for key in queue.scan_iter(match=f"{PREFIX}:*")]
    assert len(keys) >= 5
    for key in keys:
        assert await queue.pttl(key) > 0, key


async def test_without_redis_a_part_of_the_limits_is_kept(cluster: Cluster) -> None:
    gone = Cluster("redis://127.0.0.1:1")
    guard = await gone.guard(book(classes={"buy": [{"calls": 8, "per_s": 60}]}))

    async def upload(leave: Leave) -> str:
        await asyncio.sleep(2 * FRESH_S)
        await leave()
        return "fine"

    assert await guard.sell(FILM, upload, left_s=60.0) == "fine", "counted once"
    answers = [await ask(guard, FILM) for _ in range(3)]
    assert answers == ["fine", "busy", "busy"], "a quarter of eight"
    slow_down = failing(Retryable("rate_limited", retry_after_s=30))
    assert await ask(guard, FREE_TEXT, slow_down) == "rate_limited"
    assert await ask(guard, FREE_TEXT) == "paused"
    await gone.queues[0].aclose()


async def test_while_redis_hangs_what_was_let_go_before_counts_too(cluster: Cluster) -> None:
    guard = await cluster.guard(book(classes={"buy": [{"calls": 8, "per_s": 86_400}]}))
    assert [await ask(guard, FILM) for _ in range(2)] == ["fine", "fine"]
    queue = cluster.queues[0]
    await queue.client_pause(60_000, all=False)
    try:
        with pytest.raises(Denied) as denied:
            await guard.call(FILM, fine, left_s=60.0)
        assert denied.value.wait.reason == "busy", "a quarter of eight has been sent already"
        assert denied.value.wait.wait_s <= 5, "soon, for Redis may be back: not in a day"
    finally:
        await queue.client_unpause()


async def test_a_person_sees_what_stands_in_the_way(cluster: Cluster) -> None:
    guard = await cluster.guard(book(breaker={"open_s": 20, "failures": 1}))
    await ask(guard, FILM, ILL)
    queue = cluster.queues[0]
    shown = await look(queue, "kie:k", [FILM, PICTURE])
    assert (shown["runway"].reason, shown["nano-banana-2"].reason) == ("open", "")
    assert 0 < shown["runway"].wait_s <= 20
    await ask(guard, PICTURE, failing(Permanent("provider_unavailable", reason="bad_key")))
    shown = await look(queue, "kie:k", [FILM, PICTURE])
    assert {(each.reason, each.why) for each in shown.values()} == {("stopped", "bad_key")}
