"""`Guard.call`: ask a provider when it may be asked, and tell the others what came of it.

A call that may not be made now raises Denied at once, or after a very short wait: its job makes room and
comes back. While Redis is away every process keeps a part of the limits by itself; nothing waits for it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Final, Self, TypeVar
from uuid import uuid4

from ops.base import clock, metrics
from ops.base.accounts import Endpoint
from ops.base.logs import get_logger
from schemas.errors import Retryable
from schemas.models import Model
from schemas.providers import CallClass, ProviderBook, class_of, provider_book
from storage.provider_board import account_of, key_mark
from storage.queue import REDIS_TROUBLE, Queue
from workers.providers.guard.board import (
    Board,
    Change,
    Go,
    RedisBoard,
    Verdict,
    Wait,
    Wish,
)
from workers.providers.guard.local import LocalBoard
from workers.providers.guard.verdicts import (
    NEUTRAL,
    RATE_LIMITED,
    STOP_REASONS,
    UNAVAILABLE,
    code_of,
    verdict_of,
)
from workers.providers.port import at_once

log = get_logger(__name__)

T = TypeVar("T")

REDIS_TIMEOUT_S: Final = 2.0
"""A call takes seconds anyway; a Redis that is only busy is no reason to count by ourselves."""
REDIS_QUIET_S: Final = 1.0
"""After a failure nobody asks Redis for so long."""
ALONE_WAIT_MAX_S: Final = 5.0
"""Our own part of a day's calls may be used up; Redis is mostly back long before the day is over."""
LEASE_SPARE_S: Final = 5.0
LEASE_MAX_S: Final = 3_600.0
FRESH_S: Final = 0.02
"""A request that leaves so soon after its admission has left with it."""
LEAVE_PATIENCE_S: Final = 10.0
LEAVE_SHARE: Final = 0.04
"""Of the time that is left: what was made ready is worth waiting with, but not the time of the answer."""

Leave = Callable[[], Awaitable[None]]


class Denied(Retryable):
    """Nothing was asked: not now. The wait is nobody's fault and costs the job no try."""

    def __init__(self, wait: Wait) -> None:
        self.wait: Final = wait
        code = UNAVAILABLE if wait.reason in {"open", "stopped"} else RATE_LIMITED
        super().__init__(code, retry_after_s=wait.wait_s, counted=False, reason=wait.reason)


class Guard:
    """One for a process. `call` is all that a caller needs."""

    def __init__(
        self, book: ProviderBook, board: Board | None, *, accounts: Mapping[str, str] | None = None
    ) -> None:
        """`board` None: this process is alone. `accounts`: provider -> mark of our key there."""
        self._book = book
        self._board = board
        self._local = LocalBoard(book.local_share if board else 1.0)
        self._accounts = dict(accounts or {})
        self._quiet_until_s = 0.0
        for provider in book.providers:
            for why in STOP_REASONS:
                # From the first scrape on, so that the first stop shows as a rise.
                metrics.provider_stops.labels(provider=provider, reason=why).inc(0)

    @classmethod
    def open(cls, queue: Queue, endpoints: Mapping[str, Endpoint]) -> Self:
        """The guard of the cluster that shares this Redis."""
        book = provider_book()
        accounts = {name: key_mark(endpoint.api_key) for name, endpoint in endpoints.items()}
        return cls(book, RedisBoard(queue, book.breaker), accounts=accounts)

    async def call(
        self,
        model: Model,
        ask: Callable[[], Awaitable[T]],
        *,
        left_s: float,
        bought: bool = False,
        patience_s: float | None = None,
    ) -> T:
        """`ask()`, when it may be asked. `left_s`: how long it may take.

        `bought`: it asks after what was bought, so only the rate matters. `patience_s`: how long to
        wait in place for a turn. Raises Denied, and whatever `ask` raises.
        """
        wish = self._wish(model, left_s=left_s, bought=bought)
        if wish is None:
            return await self._counted(model, ask)
        return await self._guarded(wish, ask, await self._turn(wish, patience_s))

    async def sell(
        self,
        model: Model,
        ask: Callable[[Leave], Awaitable[T]],
        *,
        left_s: float,
        patience_s: float | None = None,
    ) -> T:
        """`call` for what may take long to get ready: `ask` awaits what it is given right before its
        request leaves, which is where the limits of the provider count it. That may raise Denied.
        """
        wish = self._wish(model, left_s=left_s, bought=False)
        if wish is None:
            return await self._counted(model, lambda: ask(at_once))
        turn = await self._turn(wish, patience_s)
        leave = self._leaving(wish, ends_s=clock.monotonic_s() + left_s)
        return await self._guarded(wish, lambda: ask(leave), turn)

    def _leaving(self, wish: Wish, *, ends_s: float) -> Leave:
        admitted_s = clock.monotonic_s()

        async def leave() -> None:
            now_s = clock.monotonic_s()
            if now_s - admitted_s >= FRESH_S:
                patience_s = min(LEAVE_PATIENCE_S, LEAVE_SHARE * max(0.0, ends_s - now_s))
                await self._turn(wish, patience_s, leaves=True)

        return leave

    async def _guarded(
        self, wish: Wish, ask: Callable[[], Awaitable[T]], turn: tuple[Board, Go]
    ) -> T:
        error: BaseException | None = None
        try:
            return await self._counted(wish.model, ask)
        except BaseException as caught:
            error = caught
            raise
        finally:
            await self._tell(*turn, wish, self._verdict(wish, error))

    def _verdict(self, wish: Wish, error: BaseException | None) -> Verdict:
        if isinstance(error, Denied):  # ours: the provider has said nothing
            return NEUTRAL
        return verdict_of(error, self._book.breaker, buys=wish.buys)

    def _wish(self, model: Model, *, left_s: float, bought: bool) -> Wish | None:
        rules = self._book.of(model.provider)
        if rules is None:
            return None
        call_class: CallClass = "poll" if bought else class_of(model)
        account = account_of(model.provider, self._accounts.get(model.provider, ""))
        lease_s = min(max(left_s, 0.0) + LEASE_SPARE_S, LEASE_MAX_S)
        return Wish(uuid4().hex, account, model, rules, call_class, lease_s)

    async def _turn(
        self, wish: Wish, patience_s: float | None, *, leaves: bool = False
    ) -> tuple[Board, Go]:
        """Raises Denied when the turn is further away than the patience."""
        patience_s = self._book.patience_s if patience_s is None else patience_s
        until_s = clock.monotonic_s() + patience_s
        while True:
            board, answer = await self._admit(wish, leaves=leaves)
            if isinstance(answer, Go):
                return board, answer
            if answer.reason == "stopped" or clock.monotonic_s() + answer.wait_s > until_s:
                metrics.provider_denials.labels(
                    provider=wish.model.provider, reason=answer.reason
                ).inc()
                raise Denied(answer)
            await asyncio.sleep(answer.wait_s)

    async def _admit(self, wish: Wish, *, leaves: bool) -> tuple[Board, Go | Wait]:
        if self._board is not None and clock.monotonic_s() >= self._quiet_until_s:
            try:
                async with asyncio.timeout(REDIS_TIMEOUT_S):
                    board = self._board
                    answer = await (board.leave(wish) if leaves else board.admit(wish))
                if isinstance(answer, Go):
                    self._local.count(wish)
                return board, answer
            except REDIS_TROUBLE as error:
                self._lost("leave" if leaves else "admit", error)
        local = self._local
        answer = await (local.leave(wish) if leaves else local.admit(wish))
        if self._board is not None and isinstance(answer, Wait) and answer.reason == "busy":
            answer = replace(answer, wait_s=min(answer.wait_s, ALONE_WAIT_MAX_S))
        return local, answer

    async def _tell(self, board: Board, go: Go, wish: Wish, verdict: Verdict) -> None:
        """Killed here: the lease and the probe end by themselves."""
        self._local.note(wish, verdict)
        if verdict.stop_s:
            provider = wish.model.provider
            metrics.provider_stops.labels(provider=provider, reason=verdict.why).inc()
            log.error(
                "provider.stopped", provider=provider, reason=verdict.why, for_s=verdict.stop_s
            )
        if board is self._local:
            return
        try:
            async with asyncio.timeout(REDIS_TIMEOUT_S):
                self._note(wish, await board.settle(wish, go, verdict))
        except REDIS_TROUBLE as error:
            self._lost("settle", error)

    def _note(self, wish: Wish, change: Change) -> None:
        model = wish.model
        if change.now == "opened":
            metrics.provider_breakers.labels(provider=model.provider, model=model.name).inc()
            log.warning(
                "breaker.opened", provider=model.provider, model=model.name, for_s=change.for_s
            )
        elif change.now == "closed":
            log.info("breaker.closed", provider=model.provider, model=model.name)

    def _lost(self, call: str, error: BaseException) -> None:
        self._quiet_until_s = clock.monotonic_s() + REDIS_QUIET_S
        metrics.redis_errors.inc()
        log.warning("redis.failed", call=f"guard.{call}", error=type(error).__name__)

    async def _counted(self, model: Model, ask: Callable[[], Awaitable[T]]) -> T:
        error: BaseException | None = None
        try:
            return await ask()
        except BaseException as caught:
            error = caught
            raise
        finally:
            if not isinstance(error, Denied):  # it never left
                metrics.provider_calls.labels(
                    provider=model.provider, model=model.name, outcome=code_of(error)
                ).inc()
