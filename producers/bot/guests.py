"""A guest for somebody who has not written just now: who is told about a payment, a plan, a summary."""

from producers.bot.guest import Guest
from producers.bot.room import Room
from schemas.errors import Missing
from schemas.texts import language_of


async def guest_of(room: Room, user_id: int, *, bot_id: int, key: str) -> Guest | None:
    """In their private chat with this bot. None when the bot or the person is no more."""
    account = room.accounts.get(bot_id)
    names = dict(await room.desk.users.names(user_id))
    if account is None or "telegram" not in names:
        return None
    try:
        known = await room.desk.users.get(user_id)
    except Missing:
        return None
    telegram_id = int(names["telegram"])
    return Guest(
        user_id=user_id,
        telegram_id=telegram_id,
        language=language_of(known.language),
        time_zone=known.time_zone,
        app=next(app for app in account.features if app.value == account.name),
        bot=account.name,
        bot_id=bot_id,
        features=account.features,
        chat_id=telegram_id,
        private=True,
        key=key,
    )
