"""The daily summary: what yesterday made and what it cost, in the morning of who wants to hear it."""

from datetime import UTC, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ledger.limits import Limits
from ops.base.logs import get_logger
from producers.bot.guest import Guest
from producers.bot.guests import guest_of
from producers.bot.room import Room
from producers.bot.say import Gone
from schemas.errors import Unavailable
from schemas.speech import html

log = get_logger(__name__)

HOUR: Final = 9
BATCH: Final = 50
ROWS_MAX: Final = 200


async def send_due(room: Room) -> int:
    """Everybody whose morning has come; how many were told. A day without a job is not told."""
    told = 0
    while due := await room.preferences.claim_summaries(hour=HOUR, limit=BATCH):
        for user_id, day in due:
            told += await _tell(room, user_id, datetime.combine(day, time()))
        if len(due) < BATCH:
            break
    return told


async def _tell(room: Room, user_id: int, day: datetime) -> bool:
    bot_id = await _bot_of(room, user_id)
    if bot_id is None:
        return False
    guest = await guest_of(room, user_id, bot_id=bot_id, key=f"summary-{day:%Y%m%d}")
    if guest is None:
        return False
    try:
        return await _say(room, guest, day)
    except Gone:
        await room.preferences.change(user_id, daily_summary=False)
    except Unavailable as error:
        log.warning("summary.unsent", user_id=user_id, reason=str(error))
    return False


async def _say(room: Room, guest: Guest, day: datetime) -> bool:
    zone = _zone(guest.time_zone)
    until = day.replace(tzinfo=zone).astimezone(UTC)
    since = (day - timedelta(days=1)).replace(tzinfo=zone).astimezone(UTC)
    limits = Limits(room.desk.db)
    rows = await limits.usage(guest.user_id, since=since, until=until, limit=ROWS_MAX)
    if not rows:
        return False
    available = await room.desk.wallets.available_units(guest.user_id, guest.app)
    told = html(
        "settings.summary",
        guest.language,
        day=f"{day - timedelta(days=1):%Y-%m-%d}",
        done=sum(row.success for row in rows),
        failed=sum(not row.success for row in rows),
        spent_units=sum(row.captured_units for row in rows),
        left_units=available,
    )
    await room.say.send(guest, told)
    return True


async def _bot_of(room: Room, user_id: int) -> int | None:
    """The bot it was asked for at; any other when that one is no more."""
    name = (await room.preferences.of(user_id)).bot
    named = (one.bot_id for one in room.accounts.values() if one.name == name)
    return next(named, next(iter(room.accounts), None))


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo("UTC")
