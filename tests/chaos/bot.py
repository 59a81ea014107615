"""A process of `leyden bot` that may kill itself at a named line.

python -m tests.chaos.bot '{"settings": ..., "die_at": "update.kept"}'
"""

import asyncio
import json
import sys
from typing import Any

from ops.base import logs
from ops.base.settings import load_settings
from producers.bot import flow, program, shop
from producers.bot.reception import Reception
from producers.bot.till import Till
from storage.cards import Cards
from storage.orders import Orders
from storage.queue import Queue
from storage.talks import Talks
from storage.updates import Updates
from tests.chaos import deaths
from tests.ring import MASTER_KEY


def _at_checkout(*, answered: bool) -> None:
    original = shop.answer_pre_checkout

    async def replaced(*args: Any) -> bool:
        if answered:
            await original(*args)
        deaths.die()
        return True

    setattr(shop, "answer_pre_checkout", replaced)  # noqa: B010 (a module has no such assignment)


POINTS = {
    "update.received": lambda: deaths._before(Updates, "add"),  # 1: Telegram still holds it
    "update.kept": lambda: deaths._after(Updates, "add"),  # 2: a row, not confirmed
    "update.claimed": lambda: deaths._before(Reception, "handle"),  # taken, nothing done
    "wake.before": lambda: deaths._before(Queue, "wake"),  # 2: a job, and nobody was told
    "update.handled": lambda: deaths._before(Updates, "handled"),  # done, still open
    "turn.said": lambda: deaths._before(
        Talks, "say"
    ),  # 2: a job, and nobody remembers the question
    "jobs.begun": lambda: deaths._before(flow, "then"),  # 2: jobs, and nothing will follow them
    "card.sent": lambda: deaths._before(Cards, "add"),  # told, and nobody knows
    "checkout.asked": lambda: _at_checkout(answered=False),  # 20: nothing said
    "checkout.answered": lambda: _at_checkout(answered=True),  # 20: the payment goes on
    "payment.told": lambda: deaths._before(Till, "accept"),  # 21: Stars taken, nothing credited
    "payment.credited": lambda: deaths._before(Orders, "credited"),  # 21: credited, not noted
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
