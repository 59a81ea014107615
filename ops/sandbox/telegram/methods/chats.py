"""Chats and who is in them."""

from typing import Final

from ops.base.clock import unix_s
from ops.sandbox.telegram import rooms, wire
from ops.sandbox.telegram.membership import set_member
from ops.sandbox.telegram.methods.method import Method
from ops.sandbox.telegram.params import Params
from ops.sandbox.telegram.records import Chat, Member, Wire
from ops.sandbox.telegram.refusals import bad_request, forbidden
from ops.sandbox.telegram.rights import check_is_there
from ops.sandbox.telegram.visit import Visit


class InChat(Params):
    pass


class AboutMember(Params):
    user_id: int | None = None


class Pin(Params):
    message_id: int | None = None


async def get_chat(visit: Visit, params: InChat) -> Wire:
    chat = _seen(visit, params)
    return wire.full_chat(chat, visit.world.people.get(chat.person_id))


async def get_member(visit: Visit, params: AboutMember) -> Wire:
    chat = _seen(visit, params)
    user_id = params.user_id or 0
    known = visit.world.people.get(user_id) or visit.world.bots.get(user_id)
    if known is None:
        raise bad_request("PARTICIPANT_ID_INVALID")
    if chat.type == "private":
        user = visit.world.account_wire(user_id)
        return wire.member(Member(status="member"), user, chat.type)
    if chat.type == "channel" and user_id != visit.bot.id:
        _check_is_administrator(chat, visit.bot.id)
    return visit.world.member_wire(chat, user_id)


async def get_administrators(visit: Visit, params: InChat) -> list[Wire]:
    chat = _seen(visit, params)
    if chat.type == "private":
        raise bad_request("there are no administrators in the private chat")
    heads = [
        number for number, one in chat.members.items() if one.status in ("creator", "administrator")
    ]
    return [visit.world.member_wire(chat, number) for number in heads]


async def get_member_count(visit: Visit, params: InChat) -> int:
    chat = _seen(visit, params)
    inside = sum(one.is_inside for one in chat.members.values())
    return inside if chat.type != "private" else 2


async def leave_chat(visit: Visit, params: InChat) -> bool:
    chat = _seen(visit, params)
    if chat.type == "private":
        raise bad_request("chat member status can't be changed in private chats")
    actor = visit.world.account_wire(visit.bot.id)
    set_member(visit.world, chat, visit.bot.id, Member(status="left", is_bot=True), actor=actor)
    return True


async def pin_message(visit: Visit, params: Pin) -> bool:
    """The message is there and may be pinned; the chat page does not show it."""
    chat = _seen(visit, params)
    message = visit.world.message(chat, params.message_id or 0)
    if message is None:
        raise bad_request("message to pin not found")
    rooms.tell_people(visit.world, chat, "pin", {"message_id": message.id, "at": unix_s()})
    return True


def _seen(visit: Visit, params: Params) -> Chat:
    chat = visit.chat(params.chat_id)
    if chat.type != "private":
        check_is_there(chat, visit.bot)
    return chat


def _check_is_administrator(chat: Chat, bot_id: int) -> None:
    if chat.members[bot_id].status != "administrator":
        raise forbidden("member list is inaccessible")


METHODS: Final = (
    Method("getChat", InChat, get_chat),
    Method("getChatMember", AboutMember, get_member),
    Method("getChatAdministrators", InChat, get_administrators),
    Method("getChatMemberCount", InChat, get_member_count),
    Method("leaveChat", InChat, leave_chat),
    Method("pinChatMessage", Pin, pin_message),
)
