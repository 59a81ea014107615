"""`/channels`: linking one, the list, unlinking; and what Telegram says about our rights there.

A link is made only when Telegram itself says that this person may post in the channel and that the bot
may. Anybody can forward a post or name a channel; that alone claims nothing.
"""

from typing import TYPE_CHECKING, Any, Final

from aiogram import F, Router
from aiogram.dispatcher.event.bases import SkipHandler
from aiogram.exceptions import TelegramBadRequest, TelegramForbiddenError
from aiogram.filters import Command
from aiogram.types import (
    CallbackQuery,
    ChatAdministratorRights,
    ChatFullInfo,
    ChatMemberUpdated,
    KeyboardButton,
    KeyboardButtonRequestChat,
    Message,
    MessageOriginChannel,
)

from ops.base.logs import get_logger
from ops.base.telegram import may_post
from producers.bot import modes
from producers.bot.guest import Guest
from producers.bot.guests import guest_of
from producers.bot.presses import Pressed, button
from producers.bot.private import check_private
from producers.bot.refusals import refusals
from producers.bot.renewals import AWAY
from producers.bot.room import Room
from producers.bot.say import Gone, Keyboard
from producers.bot.show import Show, show
from schemas.buttons import Press
from schemas.errors import InvalidInput, NotAllowed, Unavailable
from schemas.speech import Html, html
from schemas.texts import text
from storage.channels import Channel

if TYPE_CHECKING:
    from aiogram import Bot

log = get_logger(__name__)

CHANNEL: Final = "channel"
LINK_MODE: Final = "link"
"""What a forwarded post means in the talk of who was asked for one."""
REQUEST_ID: Final = 7_301
ADD_LINK: Final = "https://t.me/{name}?startchannel&admin=post_messages"
BOT_REMOVED: Final = "bot_removed"
BOT_NO_RIGHTS: Final = "bot_no_rights"


def router() -> Router:
    made = Router(name="channels")
    made.message.register(on_channels, Command("channels"))
    made.message.register(on_shared, F.chat_shared)
    made.message.register(on_forwarded, F.forward_origin.as_("origin"))
    made.callback_query.register(on_channel, Pressed(CHANNEL), F.message)
    made.my_chat_member.register(on_membership, F.chat.type == "channel")
    return made


async def on_channels(_: Message, room: Room, guest: Guest) -> None:
    async with refusals(room, guest):
        check_private(guest)
        await show(room, guest, *await overview(room, guest))


async def on_channel(query: CallbackQuery, room: Room, guest: Guest, press: Press) -> None:
    """`link` asks which one; the number of a link asks whether it is to go, `arg` says so."""
    async with refusals(room, guest, query):
        check_private(guest)
        if press.ref == "link":
            await ask_for_one(room, guest)
            return
        if press.ref and press.arg == "gone":
            found = await room.channels.of(guest.user_id, press.ref)
            await room.channels.forget(guest.user_id, found.id)
        elif press.ref:
            found = await room.channels.of(guest.user_id, press.ref)
            told = html(
                "channels.one", guest.language, title=found.title, state=_state(found, guest)
            )
            yes = text("channels.unlink", guest.language)
            keyboard = [[button(yes, CHANNEL, press.ref, "gone")], [_back(guest)]]
            await show(room, guest, told, keyboard, query)
            return
        await show(room, guest, *await overview(room, guest), query)


async def overview(room: Room, guest: Guest) -> tuple[Html, Keyboard]:
    found = await room.channels.list(guest.user_id)
    key = "channels.list" if found else "channels.none"
    lines = [html(key, guest.language), *(
        html("channels.line", guest.language, title=one.title, state=_state(one, guest))
        for one in found
    )]  # fmt: skip
    rows = [[button(one.title[:40], CHANNEL, str(one.id))] for one in found]
    link = button(text("channels.link", guest.language), CHANNEL, "link")
    return Html("\n".join(lines)), [*rows, [link]]


async def ask_for_one(room: Room, guest: Guest) -> None:
    """By Telegram's own list of the person's channels, or by a forwarded post."""
    check_private(guest)
    rights = _rights()
    key = KeyboardButton(
        text=text("channels.choose", guest.language),
        request_chat=KeyboardButtonRequestChat(
            request_id=REQUEST_ID,
            chat_is_channel=True,
            user_administrator_rights=rights,
            bot_administrator_rights=rights,
            request_title=True,
            request_username=True,
        ),
    )
    await modes.begin(room, guest, LINK_MODE)
    me = await room.bots[guest.bot_id].me()
    add = (text("channels.add", guest.language), ADD_LINK.format(name=me.username))
    await room.say.send(guest, html("channels.how", guest.language), keyboard=[[add]])
    await Show.of(room).ask_by_keys(guest, html("channels.or-choose", guest.language), [[key]])


async def on_shared(message: Message, room: Room, guest: Guest) -> None:
    shared = message.chat_shared
    if shared is None or shared.request_id != REQUEST_ID:
        raise SkipHandler
    await _link_and_tell(room, guest, shared.chat_id)


async def on_forwarded(_: Message, room: Room, guest: Guest, origin: Any) -> None:
    """Only while a channel was asked for; else a forwarded post is a text like any other."""
    mode = await modes.mode_of(room, guest)
    if mode != LINK_MODE or not isinstance(origin, MessageOriginChannel) or not guest.private:
        raise SkipHandler
    await _link_and_tell(room, guest, origin.chat.id)


async def on_membership(event: ChatMemberUpdated, room: Room, bot: "Bot") -> None:
    """The bot was made an administrator of a channel, lost the right to post, or was removed."""
    account, chat_id = room.accounts[bot.id], event.chat.id
    if may_post(event.new_chat_member):
        user_id = await room.desk.users.find("telegram", str(event.from_user.id))
        guest = await _at_home(room, user_id, bot.id, f"channel{chat_id}") if user_id else None
        if guest is not None:
            await _link_and_tell(room, guest, chat_id)
        return
    gone = event.new_chat_member.status in {"left", "kicked"}
    reason = BOT_REMOVED if gone else BOT_NO_RIGHTS
    for link in await room.channels.disable(account.name, chat_id, reason):
        guest = await _at_home(room, link.user_id, bot.id, f"channel-{link.id}")
        if guest is not None:
            await _say(
                room, guest, html(f"channels.lost-{reason}", guest.language, title=link.title)
            )


async def _link_and_tell(room: Room, guest: Guest, chat_id: int) -> None:
    """Linked, or why not; either way the keys for choosing go."""
    try:
        channel = await link(room, guest, chat_id)
    except (NotAllowed, InvalidInput) as refused:
        key = f"channels.refused-{refused.code}"
        await Show.of(room).ask_by_keys(guest, html(key, guest.language), None)
        return
    await modes.end(room, guest)
    told = html("channels.linked", guest.language, title=channel.title)
    await Show.of(room).ask_by_keys(guest, told, None)


async def link(room: Room, guest: Guest, chat_id: int) -> Channel:
    """Raises NotAllowed `owner_no_rights`, `bot_no_rights`; InvalidInput `not_a_channel`; Unavailable."""
    bot = room.bots[guest.bot_id]
    try:
        chat = await bot.get_chat(chat_id)
        mine = await bot.get_chat_member(chat_id, bot.id)
        theirs = await bot.get_chat_member(chat_id, guest.telegram_id)
    except (TelegramBadRequest, TelegramForbiddenError) as error:
        raise NotAllowed(BOT_NO_RIGHTS) from error
    except AWAY as error:
        raise Unavailable(store="telegram", reason=type(error).__name__) from error
    if chat.type != "channel":
        raise InvalidInput("not_a_channel")
    if not may_post(mine):
        raise NotAllowed(BOT_NO_RIGHTS)
    if not may_post(theirs):
        raise NotAllowed("owner_no_rights")
    linked = await room.channels.link(
        guest.user_id, guest.bot, chat_id, title=_title(chat), username=chat.username
    )
    log.info("channel.linked", user_id=guest.user_id, channel=linked.id)
    return linked


async def _at_home(room: Room, user_id: int, bot_id: int, key: str) -> Guest | None:
    return await guest_of(room, user_id, bot_id=bot_id, key=key)


async def _say(room: Room, guest: Guest, told: Html) -> None:
    """One of several who are told; who has blocked the bot stops none of the others."""
    try:
        await room.say.send(guest, told)
    except Gone:
        log.info("channel.untold", user_id=guest.user_id)


def _state(channel: Channel, guest: Guest) -> Html:
    if channel.linked:
        return html("channels.state-linked", guest.language)
    return html(f"channels.state-{channel.reason}", guest.language)


def _title(chat: ChatFullInfo) -> str:
    return (chat.title or chat.username or str(chat.id))[:128]


def _back(guest: Guest) -> tuple[str, str]:
    return button(text("wallet.back", guest.language), CHANNEL)


def _rights() -> ChatAdministratorRights:
    """To write posts, and nothing else."""
    names = {name: False for name, field in ChatAdministratorRights.model_fields.items()
             if field.is_required()}  # fmt: skip
    return ChatAdministratorRights(**names | {"can_post_messages": True})
