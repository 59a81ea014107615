"""What the sweeper does for money: partner holds, bonuses and plans whose time is over, one a transaction.

It also keeps the price list of this build, so that a receipt can be explained after a price has changed.
"""

from dataclasses import dataclass

from ledger.answers import again
from ledger.pricing import Pricing
from ledger.subscriptions import Subscriptions
from storage import ledger as sql
from storage import ledger_reads
from storage.jobs import Wake
from storage.pool import Database

LIMIT = 1_000


@dataclass(frozen=True, slots=True)
class Swept:
    """How many were ended, and the wake-ups to send."""

    holds: int
    bonuses: int
    plans: int
    wakes: tuple[Wake, ...]


async def sweep(db: Database, subscriptions: Subscriptions) -> Swept:
    """End what is due, at most `LIMIT` of each kind a call. Any number of sweepers may run at once."""
    await keep_prices(db)
    holds = bonuses = plans = 0
    wakes: tuple[Wake, ...] = ()
    while holds < LIMIT and await again(lambda: sql.expire_next(db)) is not None:
        holds += 1
    while bonuses < LIMIT and await again(lambda: sql.lapse_next(db)) is not None:
        bonuses += 1
    while plans < LIMIT and (ended := await subscriptions.expire_next()) is not None:
        plans += 1
        wakes += ended[2]
    return Swept(holds, bonuses, plans, wakes)


async def keep_prices(db: Database) -> None:
    """Once a list; a job that is quoted now may be asked about in ten years."""
    prices = Pricing.current().price_list()
    await again(lambda: ledger_reads.keep_price_list(db, prices.version, prices.content))
