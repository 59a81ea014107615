"""Which handlers a bot has, in the order in which they are asked, and the commands it lists."""

from typing import Final

from aiogram import Dispatcher, F, Router
from aiogram.types import Message

from ops.base.telegram import BotAccount
from producers.bot import (
    appeals,
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
    taps,
    texts,
    wallet,
)
from producers.bot.guest import Guest
from producers.bot.room import Room
from schemas.money import App
from schemas.speech import html
from schemas.texts import Language, text

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


def build(account: BotAccount) -> Dispatcher:
    """A router belongs to one bot, so each bot gets its own."""
    made = Dispatcher(disable_fsm=True)
    for part in (shop, wallet, gallery, settings, privacy, channels, posting, invite, appeals):
        made.include_router(part.router())
    for part in (start, inline, texts, photo, taps):
        made.include_router(part.router())
    made.include_router(_unknown())
    made.include_router(chat.router() if App.VIAIZER in account.features else texts.plain())
    made.include_router(taps.last())
    return made


def commands(account: BotAccount, language: Language) -> list[tuple[str, str]]:
    """Names and what they do, each once."""
    names = [name for app in App if app in account.features for name in LISTED.get(app, ())]
    return [(name, text(f"bot.command.{name}", language)) for name in dict.fromkeys(names)]


def _unknown() -> Router:
    """After every command that is known, but before plain words."""
    made = Router(name="unknown")
    made.message.register(
        _on_unknown, F.text.startswith("/") & ~F.text.regexp(r"^/(image|video)\b")
    )
    return made


async def _on_unknown(_: Message, room: Room, guest: Guest) -> None:
    if guest.private:
        await room.say.send(guest, html("bot.unknown-command", guest.language))
