"""Task ids that callbacks have named: which of them belong to a call of ours?

They come from outside, so each is read back from its provider first, with our key. A task that reports
somewhere else is somebody else's. One that is not to be seen may be so soon: a callback can be faster
than the record that it is about.
"""

from dataclasses import dataclass
from typing import Final

from storage.callbacks import Addresses
from storage.calls import ProviderCall
from workers.providers.port import Call
from workers.providers.registry import Providers

AGAIN_S: Final = 10.0


@dataclass(frozen=True, slots=True)
class Sorted:
    """Task ids: `ours` are tasks of the call, `unseen` are not there, or not yet, `foreign` is the rest."""

    ours: tuple[str, ...] = ()
    foreign: tuple[str, ...] = ()
    unseen: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Claims:
    """`deadline_s` is a reading of `clock.monotonic_s`; `last_look`: worth waiting a little for a turn."""

    providers: Providers
    addresses: Addresses
    deadline_s: float
    last_look: bool = False

    def readable(self, row: ProviderCall) -> bool:
        """Whether there is an id, and somebody to ask about it."""
        known = self.providers.tasks(row.provider) and self.providers.model(row.model)
        return bool(row.claimed_refs and known)

    async def sort(self, row: ProviderCall) -> Sorted:
        """All that have been named. Raises Retryable, and Parked when it is not our turn."""
        board, model = self.providers.tasks(row.provider), self.providers.model(row.model)
        if board is None or model is None:
            return Sorted()
        address = self.addresses.of(row.provider, row.id)
        call = Call(model, self.deadline_s, last_look=self.last_look)
        seen = {ref: await board.look(ref, call) for ref in row.claimed_refs}
        there = {ref: each.callback_url for ref, each in seen.items() if each is not None}
        ours = tuple(ref for ref, url in there.items() if url in (None, address))
        return Sorted(
            ours,
            foreign=tuple(ref for ref in there if ref not in ours),
            unseen=tuple(ref for ref in seen if ref not in there),
        )
