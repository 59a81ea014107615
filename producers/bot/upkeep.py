"""What is done beside answering: lost payments, Stars to return, people to erase, what is due to be told.

Every process of the bot runs this; a turn is taken by one of them. Each kind of work has its own
rhythm, and one that fails waits for its next turn without stopping the others.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from ledger.stars import Stars
from ops.base.logs import get_logger
from producers.bot import appeals, invite, privacy, summaries, support
from producers.bot.payments import reconcile
from producers.bot.refunds import return_stars
from producers.bot.renewals import stop_superseded
from producers.bot.room import Room
from schemas.errors import LeydenError
from storage.preferences import Turns

log = get_logger(__name__)

LOOK_S: Final = 20.0
STARS_S: Final = 300.0
REFUNDS_S: Final = 60.0
RENEWALS_S: Final = 600.0
ERASING_S: Final = 15.0
SUMMARIES_S: Final = 300.0
PROMISES_S: Final = 60.0
APPEALS_S: Final = 15.0
SUPPORT_S: Final = 15.0
FORGETTING_S: Final = 86_400.0

Work = Callable[[], Awaitable[object]]


async def run(room: Room) -> None:
    """For ever."""
    while True:
        await mind(room)
        await asyncio.sleep(LOOK_S)


async def mind(room: Room) -> None:
    """Every turn that is due and that nobody else has taken."""
    turns = Turns(room.desk.db)
    for name, every_s, work in _turns(room):
        try:
            if await turns.take(name, every_s=every_s):
                await work()
        except LeydenError as error:
            log.warning("upkeep.failed", turn=name, reason=str(error))
        except Exception:
            log.exception("upkeep.failed", turn=name)  # one kind of work stops no other


def _turns(room: Room) -> list[tuple[str, float, Work]]:
    stars = Stars(room.desk.db)
    return [
        *(
            (f"stars:{bot_id}", STARS_S, lambda b=bot_id: reconcile(room, b))
            for bot_id in room.bots
        ),
        ("refunds", REFUNDS_S, lambda: return_stars(room.orders, stars, room.bots)),
        ("renewals", RENEWALS_S, lambda: stop_superseded(room)),
        ("erasing", ERASING_S, lambda: privacy.finish_all(room)),
        ("summaries", SUMMARIES_S, lambda: summaries.send_due(room)),
        ("promises", PROMISES_S, lambda: invite.keep_due(room)),
        ("appeals", APPEALS_S, lambda: appeals.tell_answered(room)),
        ("support", SUPPORT_S, lambda: support.tell_answered(room)),
        ("forgetting", FORGETTING_S, room.orders.forget_unpaid),
    ]
