"""What a button does once: another tap is told that it is done, the same tap handled again goes on.

A handler runs again when a store or Telegram was away, or when its process died. By then some of its jobs
may be there, and neither their cards nor what was to follow them.
"""

from producers.bot.guest import Guest
from producers.bot.room import Room
from schemas.errors import Conflict
from storage.taps import Taps


async def begin(room: Room, guest: Guest, what: str, *, done: bool) -> None:
    """`what`: the key of what is done. Raises Conflict `already_done`: another update has done it."""
    taps = Taps(room.desk.db)
    if not done:
        await taps.note(guest.user_id, what, guest.key)
    elif await taps.of(guest.user_id, what) != guest.key:
        raise Conflict("already_done")
