"""A worker process with the real tasks and adapters, for a sandbox, that may kill itself at a named line.

python -m tests.chaos.shop '{"settings": ..., "lanes": ..., "die_at": "id.after", "journal": ...}'

What would make a test long is shortened here and nowhere else: pauses between polls, the longest run of
a text, and (but for tests about them) our own limits on calls.
"""

import asyncio
import json
import sys
from types import ModuleType
from typing import Any

from ops.base import logs
from ops.base.settings import load_settings
from schemas.jobs import Kind, Lane
from schemas.plans import KindLimits, kind_limits
from schemas.providers import ProviderBook, Window, provider_book
from storage.calls import Calls
from storage.jobs import Jobs
from tests.chaos import deaths
from tests.ring import MASTER_KEY
from workers import app as worker_app
from workers import suspect
from workers.artifacts import Shelf
from workers.process import run_worker
from workers.providers import wire_tasks
from workers.providers.download import Downloads
from workers.providers.guard import guard
from workers.providers.kie.client import KieClient

POLL_S = 0.3


def _nth(number: int) -> Any:
    """True for the n-th answer."""
    seen = 0

    def when(_answer: Any) -> bool:
        nonlocal seen
        seen += 1
        return seen == number

    return when


def _always(_answer: Any) -> bool:
    return True


AFTER: dict[str, tuple[type[Any], str, Any]] = {
    "intent.after": (Calls, "announce", _always),
    "created": (KieClient, "create", _always),  # 10: the id is known here and nowhere else
    "id.after": (Calls, "note_task", _always),
    "parked": (Jobs, "park", _always),
    "poll.first": (KieClient, "record", _nth(1)),  # 11
    "poll.second": (KieClient, "record", _nth(2)),
    "downloaded": (Downloads, "fetch", _always),  # 12
    "paid": (Calls, "close", _always),
    "stored": (Shelf, "store", _always),
    "manifest": (Shelf, "finish", _always),  # 13
}


def arm(name: str) -> None:
    if name in AFTER:
        owner, method, when = AFTER[name]
        deaths._after(owner, method, when)
    else:
        deaths.arm(name)


def lifted(book: ProviderBook) -> ProviderBook:
    """No limits of ours, and nobody is left alone."""
    wide = (Window(calls=10_000, per_s=1),)
    rules = {
        name: rules.model_copy(
            update={"concurrency": 10_000, "classes": dict.fromkeys(("buy", "free", "poll"), wide)}
        )
        for name, rules in book.providers.items()
    }
    calm = book.breaker.model_copy(update={"failures": 1_000})
    return book.model_copy(update={"providers": rules, "breaker": calm})


def shorten(told: dict[str, Any]) -> None:
    poll_s = float(told.get("poll_s") or POLL_S)
    _replace(wire_tasks, "jittered", lambda _pause_s: poll_s)
    _replace(wire_tasks, "POLL_AGAIN_S", poll_s)
    if not told.get("real_limits"):
        book = lifted(provider_book())
        _replace(guard, "provider_book", lambda: book)
    limits: dict[Kind, KindLimits] = dict(kind_limits())
    for kind in (Kind.TEXT_GENERATE, Kind.TEXT_IMPROVE):
        timeout_s = told.get("text_timeout_s") or limits[kind].timeout_s
        limits[kind] = limits[kind].model_copy(update={"timeout_s": timeout_s})
    _replace(worker_app, "kind_limits", lambda: limits)


def _replace(module: ModuleType, name: str, what: Any) -> None:
    """For the life of this process."""
    setattr(module, name, what)


def main(told: dict[str, Any]) -> int:
    settings = load_settings(**told["settings"])
    logs.configure("info", "json", process="test worker")
    shorten(told)
    arm(told["die_at"])
    return asyncio.run(
        run_worker(
            settings,
            master_key=MASTER_KEY,
            lanes=tuple(Lane(name) for name in told["lanes"]),
            slots=told["slots"],
            suspect_command=(sys.executable, "-m", __spec__.name, "--suspect"),
        )
    )


if __name__ == "__main__":
    if sys.argv[1] == "--suspect":
        suspect.main()
    else:
        sys.exit(main(json.loads(sys.argv[1])))
