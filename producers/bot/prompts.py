"""A prompt that is written anew before its picture or video, for who has switched that on in `/settings`.

    text.improve in the style of prompts -> what it has written -> the picture or the video

Two jobs, each with its own hold and its own end. The second is kept as a wish and begins by itself when
the first has succeeded (`keeper.Follower`).
"""

from typing import Final

from producers.bot.guest import Guest
from producers.bot.room import Room
from producers.bot.steps import Steps
from producers.bot.wants import units_of
from schemas.jobs import Kind
from schemas.speech import html

IMPROVED: Final = (Kind.IMAGE_GENERATE, Kind.VIDEO_GENERATE)
"""What is made from a prompt. A change to a picture says what to change, and is left as it is."""


async def are_improved(room: Room, guest: Guest) -> bool:
    """Whether this person has switched it on."""
    return (await room.preferences.of(guest.user_id)).improve_prompts


async def tell_plan(room: Room, guest: Guest, steps: Steps) -> None:
    """Before anything runs: what comes, and what both cost together. Raises Refused."""
    improving, making = await units_of(room, *steps.now), await units_of(room, *steps.later)
    shown = html(
        "bot.improving",
        guest.language,
        kind=html(f"kind.{steps.later[0].kind}", guest.language),
        prompt_units=improving,
        made_units=making,
        price_units=improving + making,
    )
    await room.say.send(guest, shown, reply_to=guest.message_id)
