"""The control paths by which a test acts as a person: write, press, pay, block, ask inline."""

from typing import Annotated, Any

from fastapi import APIRouter, File, Form, HTTPException, UploadFile

from ops.sandbox.telegram import acts, cashier
from ops.sandbox.telegram.acts import NotPossible
from ops.sandbox.telegram.control_bodies import (
    AskInline,
    ByCharge,
    Change,
    Here,
    Pay,
    Press,
    RawUpdate,
    Say,
    StopDraft,
    Subscription,
)
from ops.sandbox.telegram.files import Upload
from ops.sandbox.telegram.played import Played
from ops.sandbox.telegram.records import Bot, Chat, Person, Wire
from ops.sandbox.telegram.world import TelegramWorld

router = APIRouter()


@router.post("/say")
async def say(world: Played, said: Say) -> Wire:
    """A person writes a text; a new private chat begins with the first one."""
    person, chat = _here(world, said)
    message = _try(acts.write, world, person, chat, said.text, reply_to=said.reply_to)
    return world.message_wire(message)


@router.post("/edit")
async def edit(world: Played, change: Change) -> Wire:
    person, chat = _here(world, change)
    message = _try(acts.edit, world, person, chat, change.message_id, change.text)
    return world.message_wire(message)


@router.post("/send")
async def send(
    world: Played,
    person: Annotated[int, Form()],
    files: Annotated[list[UploadFile], File()],
    chat: Annotated[int | None, Form()] = None,
    bot: Annotated[int | None, Form()] = None,
    caption: Annotated[str, Form()] = "",
    reply_to: Annotated[int | None, Form()] = None,
    as_documents: Annotated[bool, Form()] = False,  # noqa: FBT002 (a field of a form)
) -> list[Wire]:
    """Files of a person; more than one are an album."""
    who, where = the_person(world, person), the_chat(world, chat, bot, person)
    uploads = [await _upload(one) for one in files]
    try:
        sent = await acts.send_files(
            world, who, where, uploads, text=caption, as_documents=as_documents,
            reply_to=reply_to,
        )  # fmt: skip
    except NotPossible as error:
        raise HTTPException(422, str(error)) from None
    return [world.message_wire(one) for one in sent]


@router.post("/press")
async def press(world: Played, pressed: Press) -> list[Wire]:
    """The queries; with `wait` each with the bot's answer (null when none came)."""
    person, chat = _here(world, pressed)
    data = pressed.data or _data_of(world, chat, pressed)
    queries = [
        _try(acts.press, world, person, chat, pressed.message_id, data, sure=pressed.sure)
        for _ in range(pressed.times)
    ]
    return [
        {"id": one.id, "answer": await world.queries.wait(one) if pressed.wait else None}
        for one in queries
    ]


@router.post("/inline")
async def inline(world: Played, asked: AskInline) -> Wire:
    """What the bot `bot` offers for a query; with `choose` that result goes to `chat`."""
    person = the_person(world, asked.person)
    bot = world.bots.get(asked.bot or 0)
    if bot is None:
        raise HTTPException(404, "there is no such bot")
    chat = world.group_chat(asked.chat) if asked.chat else world.private_chat(bot, person)
    query, results = await acts.ask_inline(
        world, person, bot, asked.query, chat=chat, timeout_s=asked.timeout_s
    )
    if asked.choose is None or chat is None:
        return {"results": results}
    message = _try(acts.choose, world, person, chat, query, asked.choose, text=asked.query)
    shown = world.message_wire(message) | {"inline_message_id": message.inline_id}
    return {"results": results, "message": shown}


@router.post("/stop")
async def stop(world: Played, wanted: StopDraft) -> Wire:
    person, chat = _here(world, wanted)
    return {"update_id": _try(acts.stop_draft, world, person, chat, wanted.draft_id)}


@router.post("/updates")
async def add_update(world: Played, raw: RawUpdate) -> Wire:
    """Give a bot an update that nobody caused: a malformed one, or one it has had before."""
    bot = world.bots.get(raw.bot)
    if bot is None:
        raise HTTPException(404, "there is no such bot")
    if raw.again is not None:
        number = int(raw.again.get("update_id", 0))
        kind = next(name for name in raw.again if name != "update_id")
        world.updates.replay(bot, number, kind, raw.again[kind])
        return {"update_id": number}
    return {"update_id": world.updates.add(raw.bot, "raw", raw.body or {})}


@router.post("/pay")
async def pay(world: Played, wanted: Pay) -> Wire:
    """pre_checkout_query, then the Stars, then successful_payment `times` times."""
    person = the_person(world, wanted.person)
    slug = (wanted.slug or "").rpartition("$")[2]
    if wanted.message_id is not None:
        chat = the_chat(world, None, wanted.bot, wanted.person)
        message = world.message(chat, wanted.message_id)
        slug = message.invoice if message else ""
    invoice = world.invoices.get(slug)
    if invoice is None:
        raise HTTPException(404, "there is no such invoice")
    paid = await cashier.pay(
        world, person, invoice, times=wanted.times, told_stars=wanted.told_stars,
        timeout_s=wanted.timeout_s,
    )  # fmt: skip
    return {"outcome": paid.outcome, "reason": paid.reason, "charge_id": paid.charge_id}


@router.post("/paid-again")
async def paid_again(world: Played, wanted: ByCharge) -> Wire:
    told = cashier.deliver_again(world, _payment(world, wanted.charge_id), times=wanted.times)
    return {"update_ids": told}


@router.post("/renew")
async def renew(world: Played, wanted: ByCharge) -> Wire:
    paid = cashier.renew(world, _payment(world, wanted.charge_id))
    return {"outcome": paid.outcome, "reason": paid.reason, "charge_id": paid.charge_id}


@router.post("/subscription")
async def subscription(world: Played, wanted: Subscription) -> Wire:
    payment = _payment(world, wanted.charge_id)
    payment.canceled = wanted.state == "canceled"
    world.payments.put(payment)
    return {"update_id": cashier.tell_subscription(world, payment, wanted.state)}


def _here(world: TelegramWorld, here: Here) -> tuple[Person, Chat]:
    return the_person(world, here.person), the_chat(world, here.chat, here.bot, here.person)


def the_person(world: TelegramWorld, person_id: int) -> Person:
    person = world.people.get(person_id)
    if person is None:
        raise HTTPException(404, f"there is no person {person_id}")
    return person


def the_chat(world: TelegramWorld, chat: int | None, bot: int | None, person: int) -> Chat:
    found: Chat | None = None
    if chat is not None:
        found = world.group_chat(chat)
    elif bot is not None:
        known: Bot | None = world.bots.get(bot)
        found = world.private_chat(known, the_person(world, person)) if known else None
    if found is None:
        raise HTTPException(404, "there is no such chat; name `chat`, or `bot` and `person`")
    return found


def _payment(world: TelegramWorld, charge_id: str) -> Any:
    payment = world.payments.get(charge_id)
    if payment is None:
        raise HTTPException(404, "there is no such payment")
    return payment


def _data_of(world: TelegramWorld, chat: Chat, pressed: Press) -> str:
    """The callback data behind a label. The first button whose label holds it."""
    message = world.message(chat, pressed.message_id)
    rows = (message.markup or {}).get("inline_keyboard", []) if message else []
    for button in (one for row in rows for one in row):
        if pressed.label and pressed.label in button["text"] and "callback_data" in button:
            return str(button["callback_data"])
    raise HTTPException(422, "there is no such button")


async def _upload(file: UploadFile) -> Upload:
    kind = file.content_type or "application/octet-stream"
    return Upload(await file.read(), file.filename or "file", kind)


def _try(act: Any, *args: Any, **facts: Any) -> Any:
    try:
        return act(*args, **facts)
    except NotPossible as error:
        raise HTTPException(422, str(error)) from None
