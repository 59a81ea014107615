"""What handlers work with: the desk, the bots and their stores, opened once a process by `program.py`."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ops.base.settings import Settings
from producers.bot.crowd import Crowd
from producers.bot.say import Say
from producers.desk import Desk
from storage.cards import Cards
from storage.channels import Channels
from storage.orders import Orders
from storage.preferences import Preferences
from storage.talks import Talks
from storage.telegram_limits import Limiter
from storage.wishes import Wishes

if TYPE_CHECKING:
    from aiogram import Bot

    from ops.base.telegram import BotAccount


@dataclass(frozen=True, slots=True)
class Room:
    """`accounts` and `bots` by the bot's Telegram id."""

    desk: Desk
    accounts: "Mapping[int, BotAccount]"
    bots: "Mapping[int, Bot]"
    say: Say
    cards: Cards
    talks: Talks
    wishes: Wishes
    preferences: Preferences
    orders: Orders
    channels: Channels
    limiter: Limiter
    crowd: Crowd
    settings: Settings

    def bot(self, bot_id: int) -> "Bot":
        return self.bots[bot_id]
