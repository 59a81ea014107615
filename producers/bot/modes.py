"""Modes: what plain words, or a forwarded post, mean in a chat until that is left, or they have come."""

from producers.bot.guest import Guest
from producers.bot.room import Room


async def mode_of(room: Room, guest: Guest) -> str:
    """For this update, however often it is handled: also when it is what the mode has waited for."""
    return await room.talks.mode(guest.user_id, guest.bot, guest.chat_id, update_key=guest.key)


async def begin(room: Room, guest: Guest, mode: str) -> None:
    """From now on; empty for none."""
    await room.talks.set_mode(guest.user_id, guest.bot, guest.chat_id, mode=mode)


async def end(room: Room, guest: Guest) -> None:
    """What it has waited for has come."""
    await room.talks.end_mode(guest.user_id, guest.bot, guest.chat_id, update_key=guest.key)
