"""What all processes know together about a provider: leases, windows, pauses, breakers. Kept in Redis.

Nothing here is the truth about a job or about money. Losing it costs a burst at worst, and then a pause
that the provider asks for.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from schemas.models import Model
from schemas.providers import BreakerRules, CallClass, ProviderRules, Window
from storage.provider_board import PREFIX, Reason, breaker_key
from storage.queue import Queue
from workers.providers.guard import scripts

Kind = Literal["good", "bad", "gone", "neutral"]


@dataclass(frozen=True, slots=True)
class Wish:
    """A call that is about to be made. `account` is the provider and a mark of our key there.

    `buys` False: it asks after something bought, and neither a breaker nor a stop is in its way.
    `lease_s`: how long it can take at most.
    """

    token: str
    account: str
    model: Model
    rules: ProviderRules
    call_class: CallClass
    lease_s: float

    @property
    def buys(self) -> bool:
        return self.call_class != "poll"

    @property
    def windows(self) -> Sequence[Window]:
        return self.rules.windows(self.call_class)


@dataclass(frozen=True, slots=True)
class Go:
    """It may be made. `probe`: the one call that finds out whether an open breaker can close."""

    probe: bool = False


@dataclass(frozen=True, slots=True)
class Wait:
    """It may not be made now; in `wait_s` it may. `why`: the code that stopped the provider."""

    reason: Reason
    wait_s: float
    why: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of a call, as far as others should know. `why` names a pause or a stop."""

    kind: Kind
    pause_s: float = 0.0
    stop_s: float = 0.0
    why: str = ""


@dataclass(frozen=True, slots=True)
class Change:
    """What a verdict did to the breaker of its model."""

    now: Literal["", "opened", "closed"] = ""
    for_s: float = 0.0


class Board(Protocol):
    """Where it is kept. May raise what redis raises (REDIS_TROUBLE)."""

    async def admit(self, wish: Wish) -> Go | Wait: ...

    async def leave(self, wish: Wish) -> Go | Wait:
        """For a call that was admitted and leaves only now: counted from now on, if it may leave."""

    async def settle(self, wish: Wish, go: Go, verdict: Verdict) -> Change: ...


class RedisBoard:
    """The board of the cluster: one round trip before a call and one after it; one more for a call that took
    time to get ready.
    """

    def __init__(self, queue: Queue, breaker: BreakerRules) -> None:
        self._admit = queue.register_script(scripts.ADMIT)
        self._leave = queue.register_script(scripts.LEAVE)
        self._settle = queue.register_script(scripts.SETTLE)
        self._breaker = breaker

    async def admit(self, wish: Wish) -> Go | Wait:
        keys = _keys(wish)
        args: list[str | int] = [wish.token, _ms(wish.lease_s), wish.rules.concurrency]
        args.append(1 if wish.buys else 0)
        return await _answer(self._admit, wish, keys, args)

    async def leave(self, wish: Wish) -> Go | Wait:
        args: list[str | int] = [wish.token, 1 if wish.buys else 0]
        return await _answer(self._leave, wish, _keys(wish)[:2], args)

    async def settle(self, wish: Wish, go: Go, verdict: Verdict) -> Change:
        rules = self._breaker
        args: list[str | int] = [
            wish.token, verdict.kind, int(go.probe), _ms(verdict.pause_s), _ms(verdict.stop_s),
            verdict.why, _ms(rules.window_s), rules.failures, int(rules.share * 100),
            _ms(rules.open_s), _ms(rules.open_max_s), _ms(rules.gone_s),
        ]  # fmt: skip
        word, number_ms = await self._settle(keys=_keys(wish), args=args)
        now: Any = word.decode()
        return Change(now, number_ms / 1000)


async def _answer(script: Any, wish: Wish, keys: list[str], args: list[str | int]) -> Go | Wait:
    """What a script says to a call whose windows come behind these keys and arguments."""
    for number, window in enumerate(wish.windows):
        base = f"{PREFIX}:{wish.account}:{wish.call_class}:{number}"
        keys += [f"{base}:log", f"{base}:turn"]
        args += [window.calls, _ms(window.per_s)]
    word, number_ms, why = await script(keys=keys, args=args)
    if word == b"go":
        return Go(probe=bool(number_ms))
    reason: Any = word.decode()
    return Wait(reason, number_ms / 1000, (why or b"").decode())


def _keys(wish: Wish) -> list[str]:
    base = f"{PREFIX}:{wish.account}"
    return [
        f"{base}:stop",
        f"{base}:pause",
        breaker_key(wish.account, wish.model),
        f"{base}:leases",
    ]


def _ms(seconds: float) -> int:
    return int(seconds * 1000 + 0.999)
