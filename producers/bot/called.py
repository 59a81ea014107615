"""Commands as Telegram writes them: `/name`, or `/name@bot` where several bots listen.

https://core.telegram.org/bots/features#commands
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from aiogram import Dispatcher, Router, types
from aiogram.filters import Command

_COMMAND: Final = re.compile(r"/([A-Za-z0-9_]{1,32})(?:@([A-Za-z0-9_]{1,64}))?(?!\S)")


@dataclass(frozen=True, slots=True)
class Called:
    """`at`: the bot that is meant, in lower case with its @; empty where all are."""

    name: str
    at: str


def called(message: types.Message) -> Called | None:
    """None: this is no command."""
    found = _COMMAND.match(message.text or message.caption or "")
    if found is None:
        return None
    return Called(found[1], f"@{found[2]}".lower() if found[2] else "")


def names_of(dispatcher: Dispatcher) -> frozenset[str]:
    """Every command that has a handler."""
    return frozenset(
        str(name)
        for router in _routers(dispatcher)
        for handler in router.message.handlers
        for one in handler.filters or ()
        if isinstance(one.callback, Command)
        for name in one.callback.commands
    )


def _routers(router: Router) -> Iterator[Router]:
    yield router
    for one in router.sub_routers:
        yield from _routers(one)
