"""Task ids that callbacks have named: which of them belong to a call of ours?

They come from outside, so each is read back from its provider first, with our key. A task that reports
somewhere else is somebody else's.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass

from storage.callbacks import Addresses
from storage.calls import ProviderCall
from workers.providers.port import Call
from workers.providers.registry import Providers


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

    async def ours(self, row: ProviderCall) -> AsyncIterator[str]:
        """The ids that are tasks of this call. Raises Retryable, and Parked when it is not our turn."""
        board, model = self.providers.tasks(row.provider), self.providers.model(row.model)
        if board is None or model is None:
            return
        address = self.addresses.of(row.provider, row.id)
        for ref in row.claimed_refs:
            seen = await board.look(ref, Call(model, self.deadline_s, last_look=self.last_look))
            if seen is not None and seen.callback_url in (None, address):
                yield ref
