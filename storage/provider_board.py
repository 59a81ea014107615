"""What the processes that ask providers have found out, as anybody may read it: who is left alone, how long.

The guard of the workers writes it to Redis; nothing here changes it. Losing it loses no truth.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from schemas.models import Model
from storage.queue import Queue

PREFIX: Final = "leyden:guard"
Reason = Literal["stopped", "open", "paused", "full", "busy"]


@dataclass(frozen=True, slots=True)
class Shown:
    """What stands in the way of a model, for a person to read. Empty `reason`: nothing."""

    reason: Reason | Literal[""]
    wait_s: float = 0.0
    why: str = ""

    @property
    def away(self) -> bool:
        """Nobody is asked for it: more than a pause between two calls."""
        return self.reason in {"stopped", "open"}


async def look(queue: Queue, account: str, models: Sequence[Model]) -> dict[str, Shown]:
    """Model name -> what stands in its way; asks, changes nothing. May raise REDIS_TROUBLE."""
    pipe = queue.pipeline(transaction=False)
    for key in ("stop", "pause"):
        pipe.pttl(f"{PREFIX}:{account}:{key}")
    pipe.get(f"{PREFIX}:{account}:stop")
    pipe.time()
    for model in models:
        pipe.hget(breaker_key(account, model), "until")
    stop_ms, pause_ms, why, (seconds, micros), *until = await pipe.execute()
    now_ms = seconds * 1000 + micros // 1000
    if stop_ms > 0:
        shown = Shown("stopped", stop_ms / 1000, (why or b"").decode())
        return {model.name: shown for model in models}
    rest = Shown("paused", pause_ms / 1000) if pause_ms > 0 else Shown("")
    found: dict[str, Shown] = {}
    for model, end in zip(models, until, strict=True):
        open_ms = int(end) - now_ms if end else 0
        found[model.name] = Shown("open", open_ms / 1000) if open_ms > 0 else rest
    return found


def account_of(provider: str, mark: str) -> str:
    """The name of an account on the board. `mark` tells our keys apart and shows none of them."""
    return f"{provider}:{mark}" if mark else provider


def key_mark(api_key: str) -> str:
    """Tells keys apart without showing them: another key is another account with its own limits."""
    return hashlib.sha256(api_key.encode()).hexdigest()[:8]


def breaker_key(account: str, model: Model) -> str:
    return f"{PREFIX}:{account}:breaker:{model.name}"
