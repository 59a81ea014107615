"""Statement of a person's wallets: every transfer with its running balance, by page or as a file."""

import csv
import io
import json
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from ledger.answers import again
from schemas.errors import InvalidInput
from schemas.money import App, Currency
from storage import ledger_reads as sql
from storage.ledger_reads import TransferRow
from storage.pool import Database

PAGE_MAX = 200
FROM_THE_TOP = 2**62
COLUMNS = (
    "at",
    "wallet",
    "number",
    "entry",
    "amount",
    "balance",
    "app",
    "operation",
    "reference",
    "note",
)


@dataclass(frozen=True, slots=True)
class Filters:
    """`kinds` are entries such as `capture` or `refund`; empty means all. `until` is exclusive."""

    app: App | None = None
    kinds: tuple[str, ...] = ()
    currencies: tuple[Currency, ...] = tuple(Currency)
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """Newest first. `cursor` continues; None when there is no more."""

    rows: tuple[TransferRow, ...]
    cursor: str | None


class Statement:
    def __init__(self, db: Database) -> None:
        self._db = db

    async def page(
        self,
        user_id: int,
        *,
        filters: Filters | None = None,
        cursor: str | None = None,
        limit: int = 50,
    ) -> Page:
        """New transfers never shift a page that is being read. Raises InvalidInput for a bad cursor."""
        wanted = filters or Filters()
        limit = max(1, min(limit, PAGE_MAX))
        below = dict.fromkeys(wanted.currencies, FROM_THE_TOP) | _parse(cursor)
        rows = await again(
            lambda: sql.transfers(
                self._db,
                user_id,
                below={currency: below[currency] for currency in wanted.currencies},
                app=wanted.app,
                kinds=wanted.kinds,
                since=wanted.since,
                until=wanted.until,
                limit=limit + 1,
            )
        )
        shown = rows[:limit]
        below |= {row.currency: row.seq for row in shown}
        return Page(tuple(shown), _format(below) if len(rows) > limit else None)

    async def rows(
        self, user_id: int, *, filters: Filters | None = None
    ) -> AsyncIterator[TransferRow]:
        """All of them, read page by page."""
        cursor: str | None = None
        while True:
            page = await self.page(user_id, filters=filters, cursor=cursor, limit=PAGE_MAX)
            for row in page.rows:
                yield row
            if page.cursor is None:
                return
            cursor = page.cursor

    async def export(self, user_id: int, *, filters: Filters | None = None) -> list[TransferRow]:
        """A whole statement in one list, for `as_csv` and `as_json`."""
        return [row async for row in self.rows(user_id, filters=filters)]


def as_csv(rows: Iterable[TransferRow]) -> str:
    """With a header; amounts in credits (Stars in Stars), times in ISO 8601 UTC."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    writer.writerows([_inert(cell) for cell in _cells(row).values()] for row in rows)
    return out.getvalue()


def as_json(rows: Iterable[TransferRow]) -> str:
    """A list of objects with the same fields as the CSV; amounts are exact, as text."""
    return json.dumps([_cells(row) for row in rows], ensure_ascii=False, indent=1)


def _cells(row: TransferRow) -> dict[str, str]:
    scale = row.currency.scale
    values = (
        row.at.isoformat(),
        row.currency.value,
        str(row.seq),
        row.kind,
        f"{Decimal(row.units).scaleb(-scale):f}",
        f"{Decimal(row.balance_units).scaleb(-scale):f}",
        row.app.value if row.app else "",
        str(row.op),
        str(row.ref) if row.ref else "",
        row.note or "",
    )
    return dict(zip(COLUMNS, values, strict=True))


def _inert(cell: str) -> str:
    """A spreadsheet runs a cell that begins like a formula; an amount with its sign is no formula."""
    if cell[:1] in "=@+\t\r" or (cell[:1] == "-" and not cell[1:2].isdigit()):
        return f"'{cell}"
    return cell


def _format(below: dict[Currency, int]) -> str:
    return "-".join(
        f"{currency.number}.{seq}" for currency, seq in below.items() if seq < FROM_THE_TOP
    )


def _parse(cursor: str | None) -> dict[Currency, int]:
    try:
        parts = [part.split(".") for part in cursor.split("-")] if cursor else []
        return {
            Currency.from_number(int(number)): min(int(seq), FROM_THE_TOP) for number, seq in parts
        }
    except (ValueError, KeyError) as error:
        raise InvalidInput("invalid_input", problem="the cursor is not one of ours") from error
