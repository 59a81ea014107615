"""The button "post to channel": which channel, a last look, then a job that posts once.

The choice is kept as a wish, and the job has the wish's key: however often a button is pressed, and
whichever channel is chosen the second time, one wish is one post. When nobody knows whether a post has
appeared, its owner says so with two buttons.
"""

import json
from typing import Any, Final
from uuid import UUID

from aiogram import F, Router
from aiogram.types import CallbackQuery

from producers.bot import flow, once, wants
from producers.bot.channels import CHANNEL
from producers.bot.guest import Guest
from producers.bot.originals import named, payload_of, pictures_of
from producers.bot.presses import Pressed, button
from producers.bot.refusals import refusals
from producers.bot.room import Room
from producers.bot.show import show
from producers.bot.wants import Wanted
from producers.request import SubmitRequest
from schemas.buttons import POST, UNCERTAIN_NO, UNCERTAIN_YES, Press
from schemas.errors import Conflict, Missing
from schemas.jobs import Kind, State
from schemas.speech import html
from schemas.targets import TelegramTarget
from schemas.texts import text
from storage.posts import Posts

CHOSEN: Final = "post-to"
SURE: Final = "post-sure"
CHANNELS_MAX: Final = 30


def router() -> Router:
    made = Router(name="posting")
    made.callback_query.register(on_post, Pressed(POST), F.message)
    made.callback_query.register(on_chosen, Pressed(CHOSEN), F.message)
    made.callback_query.register(on_sure, Pressed(SURE), F.message)
    made.callback_query.register(on_looked, Pressed(UNCERTAIN_YES, UNCERTAIN_NO), F.message)
    return made


async def on_post(query: CallbackQuery, room: Room, guest: Guest, press: Press) -> None:
    """A result, or with `arg` a project of the gallery. Another person's is as missing as none."""
    async with refusals(room, guest, query):
        if press.arg == "project":
            project = await room.desk.projects.get(guest.user_id, press.ref)
            await _ask_with_picture(room, guest, {"project": project.code}, project.job_id)
            return
        await ask_where(room, guest, press.job_id)


async def ask_where(room: Room, guest: Guest, job_id: UUID) -> None:
    """In which channel the result of a job is to appear. Raises Missing for one that has none."""
    view = await room.desk.results.get(guest.user_id, job_id)
    if view.state is not State.SUCCEEDED:
        raise Missing("not_found")
    told = {"project": view.project} if view.project else {"job": str(view.id)}
    await _ask_with_picture(room, guest, told, view.id)


async def _ask_with_picture(
    room: Room, guest: Guest, told: dict[str, Any], job_id: UUID | None
) -> None:
    """The pictures that came with a text are posted with it, as long as they are kept."""
    sent = await pictures_of(room, guest.user_id, job_id) if job_id is not None else ()
    kept = [one for one in sent if await _is_kept(room, guest, one)]
    if not kept and sent:
        await room.say.send(guest, html("channels.picture-gone", guest.language))
    elif len(kept) < len(sent):
        gone = html("channels.pictures-gone", guest.language, gone=len(sent) - len(kept))
        await room.say.send(guest, gone)
    await choose_channel(room, guest, {**told, **named(kept)})


async def _is_kept(room: Room, guest: Guest, file_id: UUID) -> bool:
    try:
        await room.desk.files.get(guest.user_id, file_id)
    except Missing:
        return False
    return True


async def choose_channel(room: Room, guest: Guest, told: dict[str, Any]) -> None:
    """Ask where this is to appear; `told` is a post's input without its channel."""
    linked = [one for one in await room.channels.list(guest.user_id) if one.linked]
    if not linked:
        link = button(text("channels.link", guest.language), CHANNEL, "link")
        await room.say.send(guest, html("channels.none", guest.language), keyboard=[[link]])
        return
    wish_id = await wants.keep(room, guest, Wanted(Kind.POST_PUBLISH, told), "channel")
    rows = [[button(one.title[:40], CHOSEN, wish_id, str(one.id))] for one in linked[:CHANNELS_MAX]]
    await room.say.send(guest, html("channels.which", guest.language), keyboard=rows)


async def on_chosen(query: CallbackQuery, room: Room, guest: Guest, press: Press) -> None:
    """The last look: a post is public."""
    async with refusals(room, guest, query):
        wish = await room.wishes.get(guest.user_id, press.job_id)
        channel = await room.channels.of(guest.user_id, press.arg)
        if wish.job_id is not None:
            raise Conflict("already_done")
        yes = button(text("channels.post", guest.language), SURE, wish.id, str(channel.id))
        told = html("channels.sure", guest.language, title=channel.title)
        await show(room, guest, told, [[yes]], query)


async def on_sure(query: CallbackQuery, room: Room, guest: Guest, press: Press) -> None:
    async with refusals(room, guest, query):
        wish = await room.wishes.get(guest.user_id, press.job_id)
        channel = await room.channels.of(guest.user_id, press.arg)
        done = wish.job_id is not None or wish.dropped
        await once.begin(room, guest, f"run-{wish.id}", done=done)
        told = {**wish.input["input"], "channel": str(channel.id)}
        job_id = await flow.ask(
            room, guest, Kind.POST_PUBLISH, told, key=wish.key, confirmed=True, wish=wish
        )
        if job_id is not None:
            await room.wishes.ran(guest.user_id, wish.id, job_id=job_id)


async def on_looked(query: CallbackQuery, room: Room, guest: Guest, press: Press) -> None:
    """Its owner has looked into the channel: the post is there, or it is to be sent again."""
    async with refusals(room, guest, query):
        there = press.action == UNCERTAIN_YES
        code = await Posts(room.desk.db).resolve(press.job_id, guest.user_id, there=there)
        if code == "missing":
            raise Missing("not_found")
        if code == "again":
            await _send_again(room, guest, press.job_id)
        await show(room, guest, html(f"channels.looked-{code}", guest.language), [], query)


async def _send_again(room: Room, guest: Guest, job_id: UUID) -> None:
    """The same post as a replay, which sends only what is missing; once, however often it is pressed."""
    payload = await payload_of(room, guest.user_id, job_id)
    view = await room.desk.results.get(guest.user_id, job_id)
    await room.desk.intake.submit(
        SubmitRequest(
            user_id=guest.user_id,
            app=view.app,
            kind=Kind.POST_PUBLISH.value,
            input=json.loads(payload.model_dump_json(exclude={"kind", "version"})),
            key=f"again-{job_id}",
            reply=TelegramTarget(
                guest.bot, guest.chat_id, guest.message_id, guest.private
            ).encode(),
            replay_of=job_id,
        )
    )
