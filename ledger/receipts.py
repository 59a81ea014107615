"""The receipt of a job: quoted, held, captured, returned, and why."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from ledger.answers import again
from ledger.price_lists import PriceList
from schemas.errors import Missing
from schemas.money import App, Currency
from schemas.texts import DEFAULT_LANGUAGE, Language, end_text, has, text
from storage import ledger_reads as sql
from storage.ledger_reads import ReceiptRow
from storage.pool import Database


@dataclass(frozen=True, slots=True)
class Receipt:
    """Units of `currency`. quoted >= captured; held = what is reserved now.

    `returned` is what came back: the freed part of the reservation and every refund.
    `why` is a key of the texts: `receipt.<outcome>` or, for a job that failed, `error.<code>`.
    `price_version`: all prices of that moment, to be read with `Receipts.prices`.
    """

    job_id: UUID
    user_id: int
    kind: str
    app: App
    state: str
    currency: Currency
    quoted_units: int
    held_units: int
    captured_units: int
    returned_units: int
    refunded_units: int
    why: str
    price_version: int
    attempts: int
    tries: int
    provider_cost_usd: Decimal | None
    created_at: datetime
    finished_at: datetime | None

    def explain(self, language: Language = DEFAULT_LANGUAGE) -> str:
        """Why, in words."""
        topic, _, code = self.why.partition(".")
        if topic == "error" and (has(self.why) or has(f"ended.{code}")):
            return end_text(code, self.state, language)
        return text(self.why if has(self.why) else "receipt.released", language)


class Receipts:
    def __init__(self, db: Database) -> None:
        self._db = db

    async def of_job(self, job_id: UUID, *, user_id: int | None = None) -> Receipt:
        """Raises Missing `not_found`, also for the job of somebody other than `user_id`."""
        row = await again(lambda: sql.receipt(self._db, job_id, user_id=user_id))
        if row is None:
            raise Missing("not_found")
        return _receipt(row)

    async def prices(self, version: int) -> PriceList:
        """The prices that a receipt names, as they were. Raises Missing `not_found`."""
        content = await again(lambda: sql.price_list(self._db, version))
        if content is None:
            raise Missing("not_found")
        return PriceList(version, content)


def _receipt(row: ReceiptRow) -> Receipt:
    reserved = row.held_units or 0
    open_ = row.hold_state == "open"
    freed = 0 if open_ else reserved - row.captured_units
    cost = row.cost_usd_micros
    return Receipt(
        job_id=row.job_id,
        user_id=row.user_id,
        kind=row.kind,
        app=row.app,
        state=row.state,
        currency=row.currency,
        quoted_units=row.quoted_units,
        held_units=reserved if open_ else 0,
        captured_units=row.captured_units,
        returned_units=freed + row.refunded_units,
        refunded_units=row.refunded_units,
        why=_why(row),
        price_version=row.price_version,
        attempts=row.attempts,
        tries=row.tries,
        provider_cost_usd=None if cost is None else Decimal(cost).scaleb(-6),
        created_at=row.created_at,
        finished_at=row.finished_at,
    )


def _why(row: ReceiptRow) -> str:
    if row.quoted_units == 0 and row.code is None:
        return "receipt.free"
    if row.refunded_units:
        return "receipt.refunded"
    if row.captured_units:
        return "receipt.captured" if row.captured_units == row.held_units else "receipt.partial"
    if row.hold_state == "open":
        return "receipt.reserved"
    if row.finished_at is None:
        return "receipt.not_started"
    return "receipt.released" if row.code is None else f"error.{row.code}"
