"""A picture and words about it: an edit by our own tools where they understand, else by a model."""

from typing import Any, Final
from uuid import UUID

from ops.base.accounts import available
from ops.base.clock import now
from producers.bot import flow
from producers.bot.edits import operations_of
from producers.bot.guest import Guest
from producers.bot.room import Room
from schemas.catalogue import MODALITY_OF_KIND, catalogue
from schemas.errors import Refused
from schemas.jobs import Kind
from schemas.payloads import PROMPT_MAX_CHARACTERS
from schemas.speech import html

ALIAS: Final = "image.edit"
LOCAL: Final = "local"


async def edit(
    room: Room, guest: Guest, file_id: UUID, words: str, *, key: str | None = None
) -> UUID | None:
    """The job, or None: not understood, or refused; the person was told."""
    operations, left = operations_of(words)
    told: dict[str, Any] = {"file": str(file_id)}
    if not left and operations:
        told["operations"] = operations
    elif understands_words(room):
        told["prompt"] = words[:PROMPT_MAX_CHARACTERS]
    elif operations:
        told["operations"] = operations
    else:
        await room.say.send(
            guest, html("bot.edit.not-understood", guest.language), reply_to=guest.message_id
        )
        return None
    return await flow.ask(room, guest, Kind.IMAGE_EDIT, told, key=key)


def understands_words(room: Room) -> bool:
    """Whether a model answers for edits here, or only our own tools."""
    models = catalogue().bound(available(room.settings), lambda: now().date())
    try:
        row = models.resolve(ALIAS, MODALITY_OF_KIND[Kind.IMAGE_EDIT])
    except Refused:
        return False
    return row.provider != LOCAL
