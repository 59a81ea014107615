"""Which handlers a bot has, in the order in which they are asked, and the commands it lists."""

from functools import cache
from typing import Final

from aiogram import Bot, Dispatcher, Router
from aiogram.types import Message

from ops.base.telegram import BotAccount
from producers.bot import (
    appeals,
    captions,
    channels,
    chat,
    gallery,
    inline,
    invite,
    photo,
    posting,
    privacy,
    settings,
    shop,
    start,
    support,
    taps,
    texts,
    wallet,
)
from producers.bot.called import called
from producers.bot.guest import Guest
from producers.bot.room import Room
from schemas.money import App
from schemas.speech import html
from schemas.texts import Language, text

MAKING: Final = frozenset({"image", "video"})
"""Commands that are taken by `chat`, behind pictures and files: those come with words of their own."""
SHARED: Final = (
    "balance",
    "buy",
    "history",
    "limits",
    "convert",
    "gallery",
    "channels",
    "invite",
    "settings",
)
LISTED: Final = {
    App.VIAIZER: ("start", "image", "video", "new", "cancel", *SHARED, "help"),
    App.TEXT_AI: ("start", "improve", "cancel", *SHARED, "help"),
}


@cache
def dispatcher(features: frozenset[App]) -> Dispatcher:
    """It knows no bot and keeps nothing: those that can do the same share one."""
    made = Dispatcher(disable_fsm=True)
    for part in (
        shop,
        support,
        wallet,
        gallery,
        settings,
        privacy,
        channels,
        posting,
        invite,
        appeals,
    ):
        made.include_router(part.router())
    made.include_router(captions.router(features))
    for part in (start, inline, texts):
        made.include_router(part.router())
    made.include_router(_unknown(features))
    for part in (photo, taps):
        made.include_router(part.router())
    made.include_router(chat.router() if App.VIAIZER in features else texts.plain())
    made.include_router(taps.last())
    return made


def commands(account: BotAccount, language: Language) -> list[tuple[str, str]]:
    """Names and what they do, each once."""
    names = [name for app in App if app in account.features for name in LISTED.get(app, ())]
    return [(name, text(f"bot.command.{name}", language)) for name in dict.fromkeys(names)]


def _unknown(features: frozenset[App]) -> Router:
    """After every command that is known, but before words, pictures and files: it is none of their text."""
    later = MAKING if App.VIAIZER in features else frozenset()

    async def is_strange(message: Message, bot: Bot) -> bool:
        if not (message.text or message.caption or "").startswith("/"):
            return False
        command, me = called(message), await bot.me()
        if command is None or command.name not in later:
            return True
        return command.at not in {"", f"@{me.username}".lower()}

    made = Router(name="unknown")
    made.message.register(_on_unknown, is_strange)
    return made


async def _on_unknown(message: Message, room: Room, guest: Guest, bot: Bot) -> None:
    """In a group only with our own name behind it, which has been asked for at the door."""
    command = called(message)
    name = command.name if command is not None else ""
    mine = command is not None and command.at in {"", f"@{(await bot.me()).username}".lower()}
    other = await _who_does(room, guest, name) if mine else None
    said = html("bot.unknown-command", guest.language)
    if other is not None:
        said = html("bot.others-command", guest.language, command=f"/{name}", bot=f"@{other}")
    await room.say.send(guest, said, reply_to=guest.message_id)


async def _who_does(room: Room, guest: Guest, name: str) -> str | None:
    """The name of the bot of another app that lists this command."""
    for bot_id, account in room.accounts.items():
        names = {one for app in account.features - guest.features for one in LISTED.get(app, ())}
        if name in names:
            return (await room.bots[bot_id].me()).username
    return None
