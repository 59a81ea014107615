"""Pictures and words about them: an edit by our own tools where they understand, else by a model."""

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from ops.base.accounts import available
from ops.base.clock import now
from producers.bot import flow, modes, obstacles
from producers.bot.edits import operations_of
from producers.bot.guest import Guest
from producers.bot.room import Room
from producers.bot.wants import Wanted
from schemas.catalogue import MODALITY_OF_KIND, catalogue
from schemas.errors import Refused
from schemas.jobs import Kind
from schemas.speech import html

ALIAS: Final = "image.edit"
LOCAL: Final = "local"
MODE: Final = "edit:"
"""With the ids of files: the next words say what to change in them."""
BETWEEN: Final = ","


async def ask_words(room: Room, guest: Guest, files: Sequence[UUID | str]) -> None:
    """The next words are about these pictures."""
    mode = MODE + BETWEEN.join(map(str, files))
    await modes.begin(room, guest, mode)
    await room.say.send(guest, html("bot.edit.ask", guest.language, count=len(files)))


async def edit_in_mode(room: Room, guest: Guest, mode: str, words: str) -> None:
    """Once, whatever comes of it: what is kept for a yes or for credits needs no more words, and what is
    gone will not come back. Words that were not understood may be followed by others.
    """
    files = [UUID(one) for one in mode.removeprefix(MODE).split(BETWEEN)]
    if await edit(room, guest, files, words):
        await modes.end(room, guest)


async def edit(room: Room, guest: Guest, files: Sequence[UUID], words: str) -> bool:
    """A job for each. False: these words were not understood, and the person was told."""
    operations, left = operations_of(words)
    told: dict[str, Any] = {}
    if not left and operations:
        told["operations"] = operations
    elif understands_words(room):
        if await obstacles.too_long(room, guest, words):
            return False
        told["prompt"] = words
    elif operations:
        told["operations"] = operations
    else:
        await room.say.send(
            guest, html("bot.edit.not-understood", guest.language), reply_to=guest.message_id
        )
        return False
    inputs = [{"file": str(one), **told} for one in files]
    await flow.want(room, guest, Wanted(Kind.IMAGE_EDIT, inputs[0], more=tuple(inputs[1:])))
    return True


def understands_words(room: Room) -> bool:
    """Whether a model answers for edits here, or only our own tools."""
    models = catalogue().bound(available(room.settings), lambda: now().date())
    try:
        row = models.resolve(ALIAS, MODALITY_OF_KIND[Kind.IMAGE_EDIT])
    except Refused:
        return False
    return row.provider != LOCAL
