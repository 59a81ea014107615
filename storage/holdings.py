"""What a wallet is made of beyond its balance: bonus lots with their ends, and Stars spent here."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from schemas.money import Currency
from storage.pool import Database

_LOTS: Final = """
select cur, remaining, nullif(expires_at, 'infinity') as ends_at from ledger.lot
 where owner = $1 and remaining > 0 order by cur, expires_at, op
"""
_STARS: Final = """
select coalesce(sum(stars), 0)::bigint from ledger.purchase where owner = $1 and state = 'paid'
"""


@dataclass(frozen=True, slots=True)
class Lot:
    """Bonus money that is left of one gift, spent before everything else. None: it has no end."""

    currency: Currency
    remaining_units: int
    ends_at: datetime | None


async def lots(db: Database, user_id: int) -> list[Lot]:
    """By currency, the one that ends first before the others."""
    return [
        Lot(Currency.from_number(row["cur"]), row["remaining"], row["ends_at"])
        for row in await db.fetch(_LOTS, user_id)
    ]


async def stars_paid(db: Database, user_id: int) -> int:
    """Stars this person has paid and not got back."""
    return int(await db.fetchval(_STARS, user_id))
