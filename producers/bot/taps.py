"""Buttons under cards and results. Each does its thing once: a second tap hears that it is done.

What a button acts on is looked up in the name of who tapped it: somebody else's is missing.
"""

import json
from contextlib import suppress
from typing import Any, Final
from uuid import UUID

from aiogram import F, Router
from aiogram.types import CallbackQuery, MessageGenerationStopped

from producers.bot import flow, once, picture_edits
from producers.bot.guest import Guest
from producers.bot.originals import payload_of, pictures_of
from producers.bot.presses import Pressed
from producers.bot.refusals import refusals
from producers.bot.room import Room
from producers.bot.texts import offer_styles
from schemas.buttons import (
    AGAIN,
    ANIMATE,
    CANCEL,
    DELETE,
    DROP,
    EDIT,
    RETRY,
    RUN,
    SAVE,
    UPSCALE,
    VARY,
    Press,
)
from schemas.errors import Missing, Refused
from schemas.jobs import Kind
from schemas.payloads import PROMPT_STYLE, AnyPayload, TextImprove
from schemas.results import TextResult
from schemas.texts import error_text, text
from storage.deliveries import Deliveries
from storage.results import JobView

SEED_MAX: Final = 2**31
UPSCALED: Final = {"op": "upscale", "factor": 2}
VARIED: Final = {"op": "tone", "brightness": 1.05, "saturation": 1.15}
OPERATIONS_MAX: Final = 8


def router() -> Router:
    made = Router(name="taps")
    made.callback_query.register(on_run, Pressed(RUN), F.message)
    made.callback_query.register(on_drop, Pressed(DROP), F.message)
    made.callback_query.register(on_cancel, Pressed(CANCEL), F.message)
    made.callback_query.register(on_again, Pressed(AGAIN, RETRY), F.message)
    made.callback_query.register(on_vary, Pressed(VARY), F.message)
    made.callback_query.register(on_upscale, Pressed(UPSCALE), F.message)
    made.callback_query.register(on_animate, Pressed(ANIMATE), F.message)
    made.callback_query.register(on_edit, Pressed(EDIT), F.message)
    made.callback_query.register(on_save, Pressed(SAVE), F.message)
    made.callback_query.register(on_delete, Pressed(DELETE), F.message)
    made.stopped_message_generation.register(on_stopped)
    return made


def last() -> Router:
    """After all others: a button that nobody knows any more still stops turning."""
    made = Router(name="taps-last")
    made.callback_query.register(on_unknown)
    return made


async def on_run(callback: CallbackQuery, room: Room, guest: Guest, press: Press) -> None:
    """A wish becomes a job; its buttons go."""
    async with refusals(room, guest, callback):
        wish = await room.wishes.get(guest.user_id, press.job_id)
        done = wish.job_id is not None or wish.dropped
        await once.begin(room, guest, f"run-{wish.id}", done=done)
        if not done:
            await flow.run_wish(room, guest, wish.id)
        await _drop_keyboard(callback, room, guest)


async def on_drop(callback: CallbackQuery, room: Room, guest: Guest, press: Press) -> None:
    async with refusals(room, guest, callback):
        wish = await room.wishes.get(guest.user_id, press.job_id)
        done = wish.job_id is not None or wish.dropped
        await once.begin(room, guest, f"drop-{wish.id}", done=done)
        await room.wishes.drop(guest.user_id, wish.id)
        await _drop_keyboard(callback, room, guest)


async def on_cancel(callback: CallbackQuery, room: Room, guest: Guest, press: Press) -> None:
    """The card itself says what came of it once the job has ended."""
    try:
        code = await room.desk.intake.cancel(guest.user_id, press.job_id)
    except Refused as refused:
        code = refused.code if refused.code == "too_late" else "missing"
    await room.say.answer(callback, text(f"bot.cancel.{code}", guest.language), alert=True)


async def on_stopped(event: MessageGenerationStopped, room: Room, guest: Guest) -> None:
    """The stop button under a text that is being written."""
    card = await room.cards.by_draft(guest.bot, event.chat.id, event.draft_id)
    if card is None:
        return
    try:
        await room.desk.intake.cancel(guest.user_id, card.job_id)
    except Refused:
        return  # it has ended, or is not theirs: nothing to stop


async def on_again(callback: CallbackQuery, room: Room, guest: Guest, press: Press) -> None:
    """The same once more, with another seed."""
    async with refusals(room, guest, callback):
        view, payload = await _job(room, guest, press.job_id)
        if isinstance(payload, TextImprove) and payload.style == PROMPT_STYLE:
            key = await _check_new(room, guest, view, press.action)
            await flow.prompt_retried(room, guest.within(view.app), view.id, key=key)
            return
        body = _body(payload)
        body.pop("seed", None)
        await _once(room, guest, view, press.action, body)


async def on_vary(callback: CallbackQuery, room: Room, guest: Guest, press: Press) -> None:
    async with refusals(room, guest, callback):
        view, payload = await _job(room, guest, press.job_id)
        body = _body(payload)
        if payload.kind is Kind.IMAGE_GENERATE:
            body["seed"] = view.id.int % SEED_MAX
        elif payload.kind is Kind.IMAGE_EDIT:
            body["operations"] = [*body["operations"], VARIED][-OPERATIONS_MAX:]
        await _once(room, guest, view, press.action, body)


async def on_upscale(callback: CallbackQuery, room: Room, guest: Guest, press: Press) -> None:
    async with refusals(room, guest, callback):
        view, _ = await _job(room, guest, press.job_id)
        await _check_new(room, guest, view, press.action)
        file_id = await _made_file(room, guest, view.id)
        body = {"file": str(file_id), "operations": [UPSCALED]}
        await _once(room, guest, view, press.action, body, kind=Kind.IMAGE_EDIT)


async def on_animate(callback: CallbackQuery, room: Room, guest: Guest, press: Press) -> None:
    async with refusals(room, guest, callback):
        view, _ = await _job(room, guest, press.job_id)
        await _check_new(room, guest, view, press.action)
        file_id = await _made_file(room, guest, view.id)
        body = {"file": str(file_id)}
        await _once(room, guest, view, press.action, body, kind=Kind.VIDEO_GENERATE)


async def on_edit(callback: CallbackQuery, room: Room, guest: Guest, press: Press) -> None:
    """A picture asks for words, a text for a style."""
    async with refusals(room, guest, callback):
        view = await room.desk.results.get(guest.user_id, press.job_id)
        if isinstance(view.result, TextResult):
            pictures = await pictures_of(room, guest.user_id, view.id)
            text_ai = guest.within(view.app)
            await offer_styles(room, text_ai, view.result.text, pictures=pictures)
            return
        file_id = await _made_file(room, guest, view.id)
        await picture_edits.ask_words(room, guest, [file_id])


async def on_save(callback: CallbackQuery, room: Room, guest: Guest, press: Press) -> None:
    """A result that fits is in the workspace already; its code is what a person needs."""
    try:
        view = await room.desk.results.get(guest.user_id, press.job_id)
        told = (
            text("bot.saved", guest.language, code=view.project)
            if view.project
            else text("error.storage_full", guest.language)
        )
    except Refused as refused:
        told = text(refused.text_key, guest.language)
    await room.say.answer(callback, told, alert=True)


async def on_delete(callback: CallbackQuery, room: Room, guest: Guest, press: Press) -> None:
    """From the workspace and from the chat, with all the messages that it took. Done twice it is done."""
    try:
        view = await room.desk.results.get(guest.user_id, press.job_id)
    except Missing as missing:  # not theirs: what somebody else got is left where it is
        await room.say.answer(callback, error_text(missing, guest.language), alert=True)
        return
    if view.project:
        with suppress(
            Missing
        ):  # deleted from the gallery before, or by this tap when it came first
            await room.desk.projects.delete(guest.user_id, view.project)
    ids = await Deliveries(room.desk.db).messages(
        guest.user_id, view.id, bot=guest.bot, chat_id=guest.chat_id
    )
    if callback.message is not None:
        ids = sorted({*ids, callback.message.message_id})
    gone = await room.say.delete_all(guest, ids)
    told = text("bot.deleted" if gone else "bot.deleted-partly", guest.language)
    await room.say.answer(callback, told, alert=not gone)


async def on_unknown(callback: CallbackQuery, room: Room, guest: Guest) -> None:
    await room.say.answer(callback, text("bot.already-done", guest.language))


async def _job(room: Room, guest: Guest, job_id: UUID) -> tuple[JobView, AnyPayload]:
    """Raises Missing: not theirs, or its payload has been forgotten."""
    view = await room.desk.results.get(guest.user_id, job_id)
    return view, await payload_of(room, guest.user_id, job_id)


def _body(payload: AnyPayload) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(payload.model_dump_json(exclude={"kind", "version"}))
    return {name: value for name, value in told.items() if value is not None}


async def _check_new(room: Room, guest: Guest, view: JobView, action: str) -> str:
    """The key of this button. Raises Conflict `already_done` for a second tap."""
    key = f"{action}-{view.id}"
    known = await room.desk.results.known(guest.user_id, key)
    await once.begin(room, guest, key, done=known is not None)
    return key


async def _once(
    room: Room,
    guest: Guest,
    view: JobView,
    action: str,
    body: dict[str, Any],
    *,
    kind: Kind | None = None,
) -> None:
    key = await _check_new(room, guest, view, action)
    replay_of = view.id if action == RETRY else None
    here = guest.within(view.app)
    await flow.ask(room, here, kind or view.kind, body, key=key, replay_of=replay_of)


async def _made_file(room: Room, guest: Guest, job_id: UUID) -> UUID:
    """The first picture of a result, as a file that a job may name. Raises Missing."""
    _, data = await room.desk.results.artifact(guest.user_id, job_id, 0)
    return (await room.desk.receive(guest.user_id, data)).id


async def _drop_keyboard(callback: CallbackQuery, room: Room, guest: Guest) -> None:
    if callback.message is not None:
        await room.say.drop_keyboard(guest, callback.message.message_id)
