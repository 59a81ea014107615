"""What tests turn: `/_sandbox/telegram/…`. Anybody who reaches the server may; it listens on loopback."""

from typing import Any

from fastapi import APIRouter, HTTPException

from ops.sandbox.telegram import control_acts, membership, views, wire
from ops.sandbox.telegram.control_acts import the_chat, the_person
from ops.sandbox.telegram.control_bodies import Block, Here, NewBot, NewChat, NewPerson, SetMember
from ops.sandbox.telegram.dial import BotRule
from ops.sandbox.telegram.faults import BOT_FAULTS
from ops.sandbox.telegram.limits import TelegramLimits
from ops.sandbox.telegram.played import Played
from ops.sandbox.telegram.records import Member, Wire

PREFIX = "/_sandbox/telegram"


router = APIRouter(prefix=PREFIX, tags=["sandbox: Telegram"])
router.include_router(control_acts.router)


@router.get("/calls")
async def calls(
    world: Played, bot: int | None = None, method: str = "", chat_id: str = "", after: int = 0
) -> list[dict[str, Any]]:
    return world.calls.shown(bot=bot, method=method, chat_id=chat_id, after=after)


@router.get("/messages")
async def messages(
    world: Played,
    chat: int | None = None, bot: int | None = None, person: int | None = None,
    *, by_bots: bool = False, deleted: bool = False,
) -> list[Wire]:  # fmt: skip
    """All of a chat (of a group by `chat`, private by `bot` and `person`), or of everybody."""
    wanted = None
    if chat is not None or person is not None:
        wanted = the_chat(world, chat, bot, person or 0).key
    return [
        world.message_wire(one) | {"chat_key": one.chat, "deleted": one.deleted}
        for one in world.messages
        if wanted in (None, one.chat)
        and (deleted or not one.deleted)
        and (not by_bots or (one.bot_id is not None and one.person_id is None))
        and (bot is None or person is not None or one.bot_id == bot)
    ]


@router.get("/updates")
async def updates(world: Played, bot: int) -> list[Wire]:
    return [one.model_dump() for one in world.updates.pending(bot)]


@router.get("/chats")
async def chats(world: Played) -> list[Wire]:
    return [one.model_dump() for one in world.chats]


@router.get("/payments")
async def payments(world: Played) -> list[Wire]:
    return [one.model_dump() for one in world.payments]


@router.get("/bots")
async def bots(world: Played) -> list[Wire]:
    return [wire.me(one) for one in world.bots]


@router.get("/limits")
async def limits(world: Played) -> TelegramLimits:
    return world.limits


@router.put("/limits")
async def set_limits(world: Played, wanted: TelegramLimits) -> TelegramLimits:
    world.limits = wanted
    world.gauge.clear()
    return wanted


@router.get("/faults")
async def faults(world: Played) -> dict[str, Any]:
    known = {name: row.what for name, row in BOT_FAULTS.items()}
    return {"rules": world.dial.shown(), "known": known}


@router.put("/faults")
async def set_faults(world: Played, rules: list[BotRule]) -> list[dict[str, object]]:
    world.dial.set(rules)
    return world.dial.shown()


@router.delete("/calls")
async def forget_calls(world: Played) -> bool:
    world.calls.clear()
    return True


@router.post("/reset")
async def reset(world: Played) -> bool:
    """Everything is gone: bots, people, chats, messages, payments, rules, calls."""
    await world.reset()
    return True


@router.post("/bots")
async def add_bot(world: Played, new: NewBot) -> Wire:
    try:
        bot = world.add_bot(new.token, username=new.username, first_name=new.first_name)
    except ValueError as error:
        raise HTTPException(422, str(error)) from None
    bot.about, bot.reads_all = new.about, new.reads_all
    return wire.me(world.bots.put(bot))


@router.post("/people")
async def add_person(world: Played, new: NewPerson) -> Wire:
    person = world.add_person(
        new.first_name, username=new.username, language=new.language, person_id=new.id,
        stars=new.stars,
    )  # fmt: skip
    return views.me(person)


@router.post("/chats")
async def add_chat(world: Played, new: NewChat) -> Wire:
    owner = the_person(world, new.owner)
    chat = membership.found_chat(
        world, new.type, new.title, owner=owner, username=new.username, chat_id=new.id
    )
    return world.chat_wire(chat)


@router.post("/members")
async def set_member(world: Played, wanted: SetMember) -> Wire:
    """Add, promote, strip or throw out; a bot hears my_chat_member by `actor` or the creator."""
    chat = the_chat(world, wanted.chat, None, 0)
    creator = next((one for one, who in chat.members.items() if who.status == "creator"), 0)
    actor = world.account_wire(wanted.actor or creator)
    is_bot = world.bots.get(wanted.account) is not None
    member = Member.model_validate(
        {"status": wanted.status, "is_bot": is_bot, "rights": wanted.rights}
    )
    told = membership.set_member(world, chat, wanted.account, member, actor=actor)
    return {"update_id": told, "member": world.member_wire(chat, wanted.account)}


@router.post("/migrate")
async def migrate(world: Played, where: Here) -> Wire:
    chat = the_chat(world, where.chat, None, 0)
    new = membership.migrate(world, chat, owner=the_person(world, where.person))
    return world.chat_wire(new)


@router.post("/block")
async def block(world: Played, wanted: Block) -> Wire:
    chat = the_chat(world, None, wanted.bot, wanted.person)
    return {"update_id": membership.set_blocked(world, chat, blocked=wanted.blocked)}
