"""Who may look on while a job runs: told how far it is and what is written so far, and never waited for.

The pipeline knows only these shapes; `workers.delivery.live` is the one that shows it in Telegram.
"""

from types import TracebackType
from typing import Final, Protocol, Self

from schemas.jobs import Kind
from storage.jobs import Started


class Watch(Protocol):
    """One attempt of one job, watched inside an `async with`. Nothing here raises.

    Nothing more is shown after the block, but for a call that Telegram was slow to take, and for one
    last look at a job that is parked.
    """

    def report(self, share: float) -> None:
        """0..1 of the work is done."""

    def partial(self, text: str) -> None:
        """The whole text so far."""

    async def __aenter__(self) -> Self: ...

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...


class Watcher(Protocol):
    def watch(self, started: Started, kind: Kind) -> Watch:
        """Somebody looks on from now on."""
        ...


class Unwatched:
    """Nobody looks on."""

    def watch(self, started: Started, kind: Kind) -> Watch:  # noqa: ARG002
        return self

    def report(self, share: float) -> None:
        """Nobody hears it."""

    def partial(self, text: str) -> None:
        """Nobody hears it."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """There is nobody to leave."""


UNWATCHED: Final = Unwatched()
