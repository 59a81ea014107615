"""`leyden bot`: every bot of the settings in one process, any number of processes side by side."""

import asyncio
import logging
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any, Final, TypeVar
from uuid import UUID

from aiogram import Bot, types
from aiogram.exceptions import (
    ClientDecodeError,
    TelegramAPIError,
    TelegramBadRequest,
    TelegramRetryAfter,
)
from aiogram.types import BotCommand

from ops.base import garbage, metrics
from ops.base.logs import get_logger
from ops.base.nursery import Nursery
from ops.base.settings import Settings
from ops.base.telegram import SETTING, BotAccount, bots_of, open_bot, webhook_secret
from producers.bot import upkeep
from producers.bot.crowd import Crowd
from producers.bot.dispatch import Claims, Dispatch
from producers.bot.keeper import CardKeeper, Follower
from producers.bot.polling import Poller
from producers.bot.reception import Reception
from producers.bot.room import Room
from producers.bot.routes import commands, dispatcher
from producers.bot.say import Say
from producers.desk import Desk
from producers.updates import KINDS, PATH
from schemas.errors import ConfigError
from schemas.ids import new_id
from schemas.texts import DEFAULT_LANGUAGE, languages
from storage.cards import Cards
from storage.channels import Channels
from storage.orders import Orders
from storage.preferences import Preferences
from storage.talks import Talks
from storage.telegram_budget import TelegramLimits
from storage.telegram_limits import Limiter
from storage.wishes import Wishes

log = get_logger(__name__)

T = TypeVar("T")

SLOTS: Final = 200
"""Updates in hand: most of them wait for a place in the limiter, not for us."""
URGENT_SLOTS: Final = 20
WEBHOOK_CONNECTIONS: Final = 40
INTRODUCE_S: Final = 2.0
"""Between attempts to introduce ourselves while Telegram cannot be reached, at least."""


async def run(settings: Settings, *, database_url: str, redis_url: str, master_key: bytes) -> None:
    """Answer until SIGTERM or SIGINT. Raises ConfigError, Unavailable."""
    accounts = bots_of(settings)
    if not accounts:
        raise ConfigError(setting=SETTING, problem="names no bot")
    if settings.telegram_mode == "webhook" and settings.public_url is None:
        raise ConfigError(setting="LEYDEN_PUBLIC_URL", problem="is needed for webhooks")
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    logging.getLogger("aiogram").setLevel(logging.WARNING)
    server = None
    if settings.metrics_port is not None:
        server = metrics.start_metrics_server(settings.host, settings.metrics_port)
    try:
        desk = await Desk.open(
            settings, database_url=database_url, redis_url=redis_url, master_key=master_key
        )
        try:
            async with open_room(desk, accounts) as room:
                garbage.settle()
                await work(room, stop, master_key=master_key)
        finally:
            await desk.close()
    finally:
        if server is not None:
            server.close()


@asynccontextmanager
async def open_room(
    desk: Desk, accounts: tuple[BotAccount, ...], *, limits: TelegramLimits | None = None
) -> AsyncIterator[Room]:
    """The desk stays its owner's; the bots are closed at the end."""
    bots = {account.bot_id: open_bot(account, desk.settings) for account in accounts}
    limiter = Limiter(desk.queue, limits=limits)
    try:
        yield Room(
            desk=desk,
            accounts={account.bot_id: account for account in accounts},
            bots=bots,
            say=Say(bots, limiter),
            cards=Cards(desk.db),
            talks=Talks(desk.db, desk.keys),
            wishes=Wishes(desk.db, desk.keys),
            preferences=Preferences(desk.db),
            orders=Orders(desk.db),
            channels=Channels(desk.db),
            limiter=limiter,
            crowd=Crowd(desk.db, desk.queue),
            settings=desk.settings,
        )
    finally:
        await asyncio.gather(*(bot.session.close() for bot in bots.values()))


async def work(room: Room, stop: asyncio.Event, *, master_key: bytes) -> None:
    """Receive and handle until `stop` is set, or a part of it fails."""
    names = {}
    for bot_id, bot in room.bots.items():
        names[bot_id] = await _introduced(room, bot, stop)
    if stop.is_set():
        return
    holder, heard, urgent = new_id(), asyncio.Event(), asyncio.Event()
    dispatchers = {bot_id: dispatcher(room.accounts[bot_id].features) for bot_id in names}
    reception = Reception(room, dispatchers, names)
    lease_s = room.settings.lease_s

    def dispatch(slots: int, *, is_urgent: bool, told: asyncio.Event) -> Dispatch:
        claims = Claims(tuple(room.bots), new_id(), lease_s, slots, is_urgent)
        return Dispatch(
            room.desk.updates,
            reception.handle,
            give_up=reception.give_up,
            decode=lambda bot_id, raw: decode(room.bots[bot_id], raw),
            claims=claims,
            heard=told,
        )

    nursery = Nursery("bot", on_failure=lambda _name, _error: stop.set())
    async with nursery:
        nursery.start(dispatch(SLOTS, is_urgent=False, told=heard).run(), name="dispatch")
        nursery.start(dispatch(URGENT_SLOTS, is_urgent=True, told=urgent).run(), name="urgent")
        nursery.start(CardKeeper(room, holder=holder).run(), name="cards")
        nursery.start(Follower(room).run(), name="follower")
        nursery.start(upkeep.run(room), name="upkeep")
        nursery.start(metrics.sample_loop_lag(), name="loop-lag")
        if room.settings.telegram_mode == "webhook":
            await _be_brought(room, stop, master_key=master_key)
        else:
            _ask(room, nursery, holder=holder, heard=(heard, urgent))
        log.info("bot.started", bots=[account.name for account in room.accounts.values()])
        await stop.wait()
        log.info("bot.stopping")


def decode(bot: Bot, raw: Any) -> types.Update:
    """Raises pydantic.ValidationError for what this build cannot read."""
    return types.Update.model_validate(raw, context={"bot": bot})


def _ask(room: Room, nursery: Nursery, *, holder: UUID, heard: tuple[asyncio.Event, ...]) -> None:
    """For updates, one process a bot at a time."""
    for account in room.accounts.values():
        poller = Poller(
            account,
            room.desk.updates,
            base_url=room.settings.telegram_base_url,
            holder=holder,
            lease_s=room.settings.lease_s,
            heard=heard,
        )
        nursery.start(poller.run(), name=f"poller-{account.name}")


async def _be_brought(room: Room, stop: asyncio.Event, *, master_key: bytes) -> None:
    """Updates, by webhook. Every process says so, each the same; what was brought before is handled."""
    settings = room.settings
    for bot in room.bots.values():

        async def ask(bot: Bot = bot) -> bool:
            return await bot.set_webhook(
                f"{settings.public_url}{PATH}/{bot.id}",
                secret_token=webhook_secret(settings, master_key, bot.id),
                allowed_updates=list(KINDS),
                max_connections=WEBHOOK_CONNECTIONS,
            )

        await _insist(bot, stop, ask)


async def _introduced(room: Room, bot: Bot, stop: asyncio.Event) -> str:
    """Our name, and the list of commands in every language; empty when it is the end."""

    async def ask() -> str:
        me = await bot.me()
        for language in languages():
            listed = [
                BotCommand(command=name, description=said)
                for name, said in commands(room.accounts[bot.id], language)
            ]
            code = None if language == DEFAULT_LANGUAGE else language
            await bot.set_my_commands(listed, language_code=code)
        return f"@{me.username or bot.id}".lower()

    return await _insist(bot, stop, ask) or ""


async def _insist(bot: Bot, stop: asyncio.Event, ask: Callable[[], Awaitable[T]]) -> T | None:
    """Waits for Telegram as long as it takes; None when it is the end."""
    while not stop.is_set():
        try:
            return await ask()
        except (TelegramAPIError, ClientDecodeError) as error:
            # Never the words of a lost connection: the address in them holds the token.
            reason = (
                error.message if isinstance(error, TelegramBadRequest) else type(error).__name__
            )
            log.warning("bot.unknown_to_telegram", bot_id=bot.id, reason=reason)
            asked_s = error.retry_after if isinstance(error, TelegramRetryAfter) else 0
            with suppress(TimeoutError):
                async with asyncio.timeout(max(INTRODUCE_S, asked_s)):
                    await stop.wait()
    return None
