"""Subscriptions that Telegram renews by itself: one plan, one renewal.

Telegram lets a person subscribe any number of times. When a plan follows another, the renewal of the
older one is stopped, or the person would pay for both.
"""

from typing import Final

from aiogram.exceptions import (
    ClientDecodeError,
    TelegramBadRequest,
    TelegramForbiddenError,
    TelegramNetworkError,
    TelegramRetryAfter,
    TelegramServerError,
)

from ledger.subscriptions import Subscriptions
from ops.base.logs import get_logger
from producers.bot.room import Room
from schemas.errors import Conflict, Missing, Unavailable
from storage.orders import Renewal

log = get_logger(__name__)

AWAY: Final = (
    TelegramNetworkError,
    TelegramServerError,
    TelegramRetryAfter,
    ClientDecodeError,
)
"""Not known whether it was done: asking again does no harm."""


async def set_renewal(room: Room, user_id: int, *, on: bool) -> None:
    """Tell Telegram first, then note it. Raises Missing without a plan, Conflict, Unavailable."""
    subscriptions = Subscriptions(room.desk.db)
    current = await subscriptions.current(user_id)
    if current is None or current.state == "expired":
        raise Missing("not_found")
    renewal = await room.orders.renewal_of(user_id, current.charge_id)
    if renewal is None or not await _tell(room, renewal, canceled=not on):
        raise Conflict("too_late")
    await room.orders.set_stopped(renewal.order_id, stopped=not on)
    await subscriptions.set_auto_renew(user_id, auto_renew=on)


async def stop_superseded(room: Room, user_id: int | None = None) -> None:
    """Of one person, or of all. What fails now is stopped at the next round."""
    for renewal in await room.orders.renewals(user_id, superseded=True):
        await stop(room, renewal)


async def stop(room: Room, renewal: Renewal) -> None:
    try:
        await _tell(room, renewal, canceled=True)
    except Unavailable as error:
        log.warning("renewal.unstopped", order=str(renewal.order_id), reason=str(error))
        return
    await room.orders.set_stopped(renewal.order_id, stopped=True)
    log.info("renewal.stopped", order=str(renewal.order_id))


async def _tell(room: Room, renewal: Renewal, *, canceled: bool) -> bool:
    """False when Telegram knows of no such subscription (any more). Raises Unavailable."""
    bot = room.bots.get(renewal.bot_id)
    if bot is None or not renewal.payer:
        raise Unavailable(store="telegram", reason="no_bot")
    try:
        return await bot.edit_user_star_subscription(
            int(renewal.payer), renewal.charge_id, is_canceled=canceled
        )
    except (TelegramBadRequest, TelegramForbiddenError) as error:
        log.info("renewal.refused", order=str(renewal.order_id), reason=error.message)
        return False
    except AWAY as error:
        raise Unavailable(store="telegram", reason=type(error).__name__) from error
