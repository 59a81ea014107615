"""Our bots at Telegram, as the settings name them, and the client that speaks for one.

`LEYDEN_TELEGRAM_BOTS=viaizer:TOKEN,text_ai:TOKEN`: a name before the first colon, the token after it.
A token that is named twice, or once as `viaizer+text_ai:TOKEN`, is one bot with both feature sets.
"""

import base64
import hashlib
import hmac
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from ops.base.settings import PREFIX, Settings
from schemas.errors import ConfigError
from schemas.money import App

if TYPE_CHECKING:
    from aiogram import Bot
    from aiogram.types import ChatMemberUnion as ChatMember

SETTING: Final = f"{PREFIX}TELEGRAM_BOTS"
GONE_WORDS: Final = (
    "chat not found",
    "user not found",
    "user is deactivated",
    "group chat was deactivated",
    "group chat was deleted",
    "peer_id_invalid",
    "chat_write_forbidden",
    "not enough rights to send",
    "have no rights to send",
    "need administrator rights in the channel",
    "bot is not a member",
    "chat_restricted",
    "topic_closed",
)
"""In a 400 of the Bot API, lower case: there is nobody to tell here, or no right to."""
_TOKEN: Final = re.compile(r"^[0-9]{1,16}:[A-Za-z0-9_-]{3,100}\Z")
_SECRET_PURPOSE: Final = b"leyden/telegram-webhook/"


@dataclass(frozen=True, slots=True)
class BotAccount:
    """One token. `name` is the first feature it was given: what targets and cards call it."""

    name: str
    token: str = field(repr=False)
    bot_id: int
    features: frozenset[App]


def bots_of(settings: Settings) -> tuple[BotAccount, ...]:
    """Every bot once, in the order of the setting. Raises ConfigError that never shows a token."""
    if settings.telegram_bots is None:
        return ()
    features: dict[str, list[App]] = {}
    for item in settings.telegram_bots.get_secret_value().split(","):
        if not item.strip():
            continue
        names, _, token = item.strip().partition(":")
        if not _TOKEN.match(token):
            raise ConfigError(setting=SETTING, problem="should be name:token pairs (123456:ABC...)")
        features.setdefault(token, []).extend(_app(name) for name in names.split("+"))
    accounts = tuple(
        BotAccount(apps[0].value, token, int(token.partition(":")[0]), frozenset(apps))
        for token, apps in features.items()
    )
    _check_distinct(accounts)
    return accounts


def account_named(accounts: tuple[BotAccount, ...], name: str) -> BotAccount | None:
    """The bot of this name, or the one that has the features of this name now."""
    exact = (account for account in accounts if account.name == name)
    featured = (account for account in accounts if name in account.features)
    return next(exact, None) or next(featured, None)


def open_bot(account: BotAccount, settings: Settings) -> "Bot":
    """A client of the Bot API; whoever opens it closes `bot.session`. It repeats nothing by itself."""
    from aiogram import Bot

    from ops.base.telegram_session import Session

    return Bot(account.token, session=Session(settings.telegram_base_url))


def may_post(member: "ChatMember") -> bool:
    """Whether this member of a channel may write there: its creator, or an administrator with the right."""
    if member.status == "creator":
        return True
    return member.status == "administrator" and bool(getattr(member, "can_post_messages", False))


def webhook_secret(settings: Settings, master_key: bytes, bot_id: int) -> str:
    """What Telegram sends along with each update of this bot: the setting, else derived from our key."""
    if settings.telegram_webhook_secret is not None:
        return settings.telegram_webhook_secret.get_secret_value()
    told = _SECRET_PURPOSE + str(bot_id).encode()
    mark = hmac.digest(master_key, told, hashlib.sha256)
    return base64.urlsafe_b64encode(mark).decode().rstrip("=")


def _app(name: str) -> App:
    try:
        return App(name.strip())
    except ValueError:
        known = ", ".join(App)
        problem = f"names a bot that does not exist; there are {known}"
        raise ConfigError(setting=SETTING, problem=problem) from None


def _check_distinct(accounts: tuple[BotAccount, ...]) -> None:
    """Two tokens of one bot, or of one name, would each do half of the work."""
    for what, seen in (
        ("name", [account.name for account in accounts]),
        ("bot", [str(account.bot_id) for account in accounts]),
    ):
        if len(set(seen)) < len(seen):
            raise ConfigError(setting=SETTING, problem=f"names the same {what} with two tokens")
