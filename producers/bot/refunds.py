"""Stars back to who paid them: by an operator's word, in two halves that survive a death between them.

The credits are taken back first, in the ledger, where the refund then waits as begun; the Stars follow.
`return_stars` sends those of every begun refund and is repeated for ever. A payment that was parked has no
credits to take back: its Stars simply return.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from aiogram.exceptions import TelegramBadRequest, TelegramForbiddenError

from ledger.stars import Stars, purchase_op
from ops.base.logs import get_logger
from producers.bot.renewals import AWAY
from schemas.errors import Conflict, Missing, Unavailable
from storage import ledger_money
from storage.ledger_money import Sale
from storage.orders import Orders, Payment
from storage.pool import Database

if TYPE_CHECKING:
    from aiogram import Bot

log = get_logger(__name__)

RETURNED_BEFORE: Final = "CHARGE_ALREADY_REFUNDED"
OPERATOR: Final = "operator"


async def refund_charge(
    db: Database, bots: "Mapping[int, Bot]", charge_id: str, *, reason: str
) -> str:
    """`returned`, `begun` (the Stars follow by themselves), or Telegram's word of refusal.

    Raises Missing for an unknown charge; Insufficient when the credits were spent; Conflict for a plan,
    whose days cannot be taken back; Unavailable.
    """
    orders, stars = Orders(db), Stars(db)
    sale = await ledger_money.sale(db, purchase_op(charge_id))
    if sale is None:
        return await _return_parked(orders, bots, charge_id)
    if sale.units == 0:
        raise Conflict("plan_not_refundable")
    if sale.state == "refunded":
        return "returned"
    if sale.state == "paid":
        await stars.refund(charge_id, reason=reason, actor=OPERATOR)
    await return_stars(orders, stars, bots)
    sale = await ledger_money.sale(db, purchase_op(charge_id))
    match sale.state if sale else "paid":
        case "refunded":
            return "returned"
        case "refunding":
            return "begun"
        case _:
            return "refused"


async def return_stars(orders: Orders, stars: Stars, bots: "Mapping[int, Bot]") -> int:
    """Send the Stars of every begun refund; how many are back. What fails is found again later."""
    done = 0
    for sale in await stars.to_return():
        done += await _return(orders, stars, bots, sale)
    return done


async def _return(orders: Orders, stars: Stars, bots: "Mapping[int, Bot]", sale: Sale) -> bool:
    paid = next((p for p in await orders.of_charge(sale.charge_id) if p.state == "credited"), None)
    if paid is None:
        log.error("refund.stuck", charge=sale.charge_id, reason="no_payment")
        return False
    try:
        refusal = await _send_back(bots, paid)
    except Unavailable as error:
        log.warning("refund.delayed", charge=sale.charge_id, reason=str(error))
        return False
    if refusal:
        await stars.not_returned(sale, reason=refusal[:200])
        log.error("refund.refused", charge=sale.charge_id, reason=refusal)
        return False
    return await stars.returned(sale.charge_id)


async def _return_parked(orders: Orders, bots: "Mapping[int, Bot]", charge_id: str) -> str:
    """Nothing was credited. Killed after Telegram's yes, the next word finds it returned."""
    reports = await orders.of_charge(charge_id)
    if not reports:
        raise Missing("not_found")
    if all(one.state != "parked" for one in reports):
        return "returned" if any(one.state == "returned" for one in reports) else "settled"
    waiting = next(one for one in reports if one.state == "parked")
    if refusal := await _send_back(bots, waiting):
        return refusal
    for one in reports:
        await orders.end(one.id, "returned", "Stars returned")
    return "returned"


async def _send_back(bots: "Mapping[int, Bot]", paid: Payment) -> str:
    """Empty when the Stars are back, else Telegram's word of refusal. Raises Unavailable."""
    bot = bots.get(paid.bot_id)
    if bot is None or not paid.payer:
        raise Unavailable(store="telegram", reason="no_bot" if bot is None else "nobody")
    try:
        await bot.refund_star_payment(int(paid.payer), paid.charge_id)
    except (TelegramBadRequest, TelegramForbiddenError) as error:
        return "" if RETURNED_BEFORE in error.message else error.message
    except AWAY as error:
        raise Unavailable(store="telegram", reason=type(error).__name__) from error
    return ""
