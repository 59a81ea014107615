"""What an adapter must say about a purchase, and the one thing it may raise that is no error.

Every paid request is announced before it leaves and its remote id is committed before anything else
is done with the answer, so that a successor of a dead process asks instead of buying again.
"""

from dataclasses import dataclass
from typing import Final, NoReturn, Protocol


class Journal(Protocol):
    """The purchases of one job. Free calls never touch it.

    `remote_ref`: the id that an earlier attempt, or a callback, has committed; poll it, buy nothing.
    `unanswered`: an earlier attempt announced a purchase and nobody knows what came of it.
    `callback_url`: where the provider may tell us, signed and naming this call; None without one.
    """

    @property
    def remote_ref(self) -> str | None: ...

    @property
    def unanswered(self) -> bool: ...

    @property
    def callback_url(self) -> str | None: ...

    async def intend(self) -> None:
        """Commit that a purchase is about to be made. Raises LostLease, or Permanent `cancelled`."""

    async def bought(self, remote_ref: str) -> None:
        """Commit the remote id, before anything else. Raises LostLease."""

    async def unsold(self, outcome: str) -> None:
        """The provider certainly sold nothing: the purchase is withdrawn."""

    async def paid(self, outcome: str, *, cost_usd_micros: int | None) -> None:
        """What came of it, and what it cost where the provider says so."""


class _Free:
    """The journal of a call that buys nothing: an adapter that touches it has forgotten to say so."""

    @property
    def remote_ref(self) -> NoReturn:
        self._refuse()

    @property
    def unanswered(self) -> NoReturn:
        self._refuse()

    @property
    def callback_url(self) -> NoReturn:
        self._refuse()

    async def intend(self) -> None:
        self._refuse()

    async def bought(self, remote_ref: str) -> None:
        self._refuse(remote_ref)

    async def unsold(self, outcome: str) -> None:
        self._refuse(outcome)

    async def paid(self, outcome: str, *, cost_usd_micros: int | None) -> None:
        self._refuse(outcome, cost_usd_micros)

    def _refuse(self, *told: object) -> NoReturn:
        msg = f"a call without a journal must not buy anything {told}"
        raise RuntimeError(msg)


FREE: Final[Journal] = _Free()


@dataclass
class Parked(Exception):
    """Raised by an adapter: nothing to do here until the next poll. No worker slot waits for it.

    `extend_s` moves the job's deadline, when the provider showed progress.
    """

    delay_s: float
    progress: float | None = None
    extend_s: float = 0.0
