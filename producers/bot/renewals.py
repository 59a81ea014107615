"""Subscriptions that Telegram renews by itself: one person, one renewal.

Telegram lets a person subscribe any number of times. When a plan follows another, the renewal of the
older one is stopped, or the person would pay for both; so is that of a payment that was parked. What is
shown is what Telegram goes on charging for (`Orders.renewals`); the ledger's own mark follows it.
"""

from collections.abc import Sequence
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
    """Stop every renewal of this person, or let the newest one go on. Telegram is told first.

    Raises Missing without a plan, Conflict where Telegram does not agree, Unavailable.
    """
    current = await Subscriptions(room.desk.db).current(user_id)
    running = current is not None and current.state != "expired"
    if on:
        newest = await room.orders.newest_subscription(user_id) if running else None
        if newest is None:
            raise Missing("not_found")
        if not await _tell(room, newest, canceled=False):
            raise Conflict("too_late")
        await room.orders.set_stopped(newest.payment_id, stopped=False)
    else:
        opened = await room.orders.renewals(user_id)
        if not (opened or running):
            raise Missing("not_found")
        await _stop_all(room, opened)
    await settle(room, user_id)


async def _stop_all(room: Room, opened: Sequence[Renewal]) -> None:
    left = [one for one in opened if not await stop(room, one)]
    if any(one.bot_id in room.bots for one in left):
        raise Unavailable(store="telegram", reason="renewal")
    if left:  # of a bot that is not run any more: only Telegram itself can
        raise Conflict("renewal_elsewhere")


async def stop_superseded(room: Room, user_id: int | None = None) -> None:
    """Of one person, or of all. What fails now is stopped at the next round."""
    stopped = [
        one for one in await room.orders.renewals(user_id, superseded=True) if await stop(room, one)
    ]
    for person in {user_id, *(one.user_id for one in stopped)}:
        if person is not None:
            await settle(room, person)


async def settle(room: Room, user_id: int) -> None:
    """The plan that runs is renewed exactly when Telegram goes on charging for it."""
    subscriptions = Subscriptions(room.desk.db)
    current = await subscriptions.current(user_id)
    if current is None or current.state == "expired":
        return
    renews = any(one.plan == current.plan for one in await room.orders.renewals(user_id))
    if renews != current.auto_renew:
        await subscriptions.set_auto_renew(user_id, auto_renew=renews)


async def stop(room: Room, renewal: Renewal) -> bool:
    """False: Telegram could not be asked, and may go on charging."""
    try:
        await _tell(room, renewal, canceled=True)
    except Unavailable as error:
        log.warning("renewal.unstopped", payment=str(renewal.payment_id), reason=str(error))
        return False
    await room.orders.set_stopped(renewal.payment_id, stopped=True)
    log.info("renewal.stopped", payment=str(renewal.payment_id))
    return True


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
        log.info("renewal.refused", payment=str(renewal.payment_id), reason=error.message)
        return False
    except AWAY as error:
        raise Unavailable(store="telegram", reason=type(error).__name__) from error
