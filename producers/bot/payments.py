"""Payments that nobody told us of, and refunds that were made without us.

`getStarTransactions` lists everything that was paid to a bot, oldest first, so a lost update is found
there. Reading it again does no harm; a part is read again each time, because the list is Telegram's
and how firmly it keeps its order is not written down.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from aiogram.exceptions import TelegramBadRequest, TelegramForbiddenError
from aiogram.types import StarTransaction, TransactionPartnerUser

from ledger.stars import Stars, purchase_op
from ops.base.logs import get_logger
from producers.bot.cashier import take
from producers.bot.renewals import AWAY
from producers.bot.room import Room
from producers.bot.say import Gone
from schemas.errors import Refused, Unavailable
from storage import ledger_money
from storage.orders import Paid

if TYPE_CHECKING:
    from aiogram import Bot

log = get_logger(__name__)

PAGE: Final = 100
AGAIN: Final = 100
"""So many transactions before the end of the last reading are read again."""
PAGES_MAX: Final = 50


async def reconcile(room: Room, bot_id: int) -> int:
    """Read what is new in the list of a bot; how many payments were repaired. Raises Unavailable."""
    bot, repaired = room.bots[bot_id], 0
    seen = await room.orders.seen(bot_id)
    offset = max(0, seen - AGAIN)
    for _ in range(PAGES_MAX):
        page = await _page(bot, offset)
        repaired += await _read(room, bot_id, page)
        offset += len(page)
        await room.orders.note_seen(bot_id, offset)
        if len(page) < PAGE:
            break
    return repaired


async def _page(bot: "Bot", offset: int) -> list[StarTransaction]:
    try:
        return (await bot.get_star_transactions(offset=offset, limit=PAGE)).transactions
    except (*AWAY, TelegramBadRequest, TelegramForbiddenError) as error:
        raise Unavailable(store="telegram", reason=type(error).__name__) from error


async def _read(room: Room, bot_id: int, page: Sequence[StarTransaction]) -> int:
    """Payments in and refunds out; gifts, withdrawals and the like are not our business."""
    known = set(await room.orders.known(bot_id, [one.id for one in page]))
    repaired = 0
    for row in page:
        if isinstance(row.receiver, TransactionPartnerUser) and row.id in known:
            await _refunded_outside(room, row)
        elif row.id not in known and (paid := _payment(bot_id, row)):
            repaired += await _repair(room, paid)
            known.add(row.id)
    return repaired


async def _repair(room: Room, paid: Paid) -> bool:
    """Whether it had been lost. Somebody who has blocked the bot has the credits all the same."""
    try:
        receipt = await take(room, None, paid)
    except Gone:
        return True
    if receipt.first:
        log.warning("payment.repaired", outcome=receipt.outcome, reason=receipt.reason)
    return receipt.first


async def _refunded_outside(room: Room, row: StarTransaction) -> None:
    """The Stars are back, whoever sent them: the credits have to be, too."""
    stars = Stars(room.desk.db)
    sale = await ledger_money.sale(room.desk.db, purchase_op(row.id))
    if sale is None or sale.state == "refunded" or sale.units == 0:
        return
    if sale.state == "paid":
        try:
            await stars.refund(row.id, reason="refunded at Telegram", actor="telegram")
        except Refused as refused:
            log.exception("refund.uncovered", charge=row.id, reason=refused.code)
            return
    await stars.returned(row.id)


def _payment(bot_id: int, row: StarTransaction) -> Paid | None:
    source = row.source
    if not isinstance(source, TransactionPartnerUser) or source.invoice_payload is None:
        return None
    return Paid(
        charge_id=row.id,
        bot_id=bot_id,
        payer_id=source.user.id,
        stars=row.amount,
        currency="XTR",
        payload=source.invoice_payload,
        recurring=source.subscription_period is not None,
        source="list",
    )
