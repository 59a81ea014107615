"""A process of `leyden bot` that may kill itself at a named line.

python -m tests.chaos.bot '{"settings": ..., "die_at": "update.kept"}'
"""

import asyncio
import json
import sys
from typing import Any

from ops.base import logs
from ops.base.settings import load_settings
from producers.bot import program, shop
from producers.bot.reception import Reception
from storage.cards import Cards
from storage.updates import Updates
from tests.chaos import deaths
from tests.ring import MASTER_KEY


def _after_answer() -> None:
    original = shop.answer_pre_checkout

    async def replaced(*args: Any) -> bool:
        await original(*args)
        deaths.die()
        return True

    setattr(shop, "answer_pre_checkout", replaced)  # noqa: B010 (a module has no such assignment)


POINTS = {
    "update.received": lambda: deaths._before(Updates, "add"),  # 1: Telegram still holds it
    "update.kept": lambda: deaths._after(Updates, "add"),  # 2: a row, not confirmed
    "update.claimed": lambda: deaths._before(Reception, "handle"),  # taken, nothing done
    "update.handled": lambda: deaths._before(Updates, "handled"),  # done, still open
    "card.sent": lambda: deaths._before(Cards, "add"),  # told, and nobody knows
    "checkout.answered": _after_answer,  # 20
}


def main(told: dict[str, Any]) -> None:
    settings = load_settings(**told["settings"])
    logs.configure("info", "json", process="test bot")
    if told["die_at"]:
        POINTS[told["die_at"]]()
    asyncio.run(
        program.run(
            settings,
            database_url=settings.database_url or "",
            redis_url=settings.redis_url or "",
            master_key=MASTER_KEY,
        )
    )


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
