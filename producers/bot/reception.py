"""Who an update is from and whether it is for us: the last step before a handler.

Handlers get `room`, `guest`, `words` (the text, without the mention that called us) and `album` (all
messages that came with this one).
"""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from aiogram import Bot, Dispatcher, types
from aiogram.dispatcher.event.bases import UNHANDLED
from aiogram.exceptions import TelegramAPIError
from aiogram.types.update import UpdateTypeLookupError

from ops.base import clock
from ops.base.logs import get_logger
from producers.bot import flow, shop, sorry
from producers.bot.called import called, names_of
from producers.bot.dispatch import Undecodable
from producers.bot.guest import Guest
from producers.bot.room import Room
from schemas.errors import NotAllowed, Refused
from schemas.money import App
from schemas.speech import html
from schemas.texts import error_text, language_of
from storage.updates import Update

log = get_logger(__name__)

PROVIDER: Final = "telegram"
CHECKOUT_S: Final = 10.0
"""How long Telegram waits for the answer before a payment (answerPreCheckoutQuery)."""
NOTICED_MAX: Final = 50_000
IGNORED: Final = "ignored"
_CLOSED: Final = {"suspended": "suspended", "erasing": "closed", "erased": "closed"}


@dataclass(frozen=True, slots=True)
class Caller:
    """Who caused an update, and where; `chat` is None where there is none to answer in."""

    user: types.User
    chat: types.Chat | None


@dataclass(slots=True)
class Reception:
    """`dispatchers` by the bot's id; `names`: what a mention of each begins with, lower case."""

    room: Room
    dispatchers: Mapping[int, Dispatcher]
    names: Mapping[int, str]
    _noticed: "OrderedDict[int, None]" = field(default_factory=OrderedDict)
    _commands: dict[int, frozenset[str]] = field(init=False)

    def __post_init__(self) -> None:
        self._commands = {bot_id: names_of(one) for bot_id, one in self.dispatchers.items()}

    async def handle(self, update: Update, decoded: list[types.Update]) -> str:
        """What became of it, in a word. Raises what a handler raises, but for refusals."""
        first, bot = _leading(decoded), self.room.bots[update.bot_id]
        event = _event(first)
        if isinstance(event, types.PreCheckoutQuery):
            return await self._checkout(update, bot, event)
        caller = caller_of(event)
        if first.edited_message or caller is None or caller.user.is_bot:
            return IGNORED
        if not self._is_for_us(update.bot_id, event):
            return IGNORED
        guest = await self._meet(update, event, caller)
        refused = await self._turned_away(guest, event)
        if refused:
            return refused
        await self._notice(guest, event)
        return await self._hand_over(bot, first, guest, _messages(decoded))

    async def give_up(self, update: Update, decoded: types.Update) -> None:
        """It has been set aside: say so to who sent it. Raises what a store or Telegram does."""
        event = _event(decoded)
        caller = caller_of(event)
        if caller is None or caller.user.is_bot or not self._is_for_us(update.bot_id, event):
            return
        if await self.room.desk.updates.note_told(update):
            await sorry.tell(self.room, await self._meet(update, event, caller), update, event)

    async def _hand_over(
        self, bot: Bot, first: types.Update, guest: Guest, album: list[types.Message]
    ) -> str:
        words = next((said for one in album if (said := self._words(guest, one))), "")
        facts: dict[str, Any] = {"room": self.room, "guest": guest, "words": words, "album": album}
        try:
            answer = await self.dispatchers[guest.bot_id].feed_update(bot, first, **facts)
        except Refused as refused:
            await flow.tell_refusal(self.room, guest, refused)
            return f"refused:{refused.code}"
        return IGNORED if answer is UNHANDLED else "handled"

    async def _checkout(self, update: Update, bot: Bot, query: types.PreCheckoutQuery) -> str:
        """Too late, it is no use: the payment did not happen."""
        if (clock.now() - update.received_at).total_seconds() > CHECKOUT_S:
            return "too_late"
        try:
            agreed = await shop.answer_pre_checkout(self.room, bot, query)
        except TelegramAPIError as error:
            log.warning("checkout.unanswered", reason=type(error).__name__)
            return "unanswered"
        return "agreed" if agreed else "declined"

    async def _meet(self, update: Update, event: Any, caller: Caller) -> Guest:
        """Found or made: a first message makes an account with its gifts. Raises Unavailable."""
        users, account = self.room.desk.users, self.room.accounts[update.bot_id]
        spoken = language_of(caller.user.language_code)
        met = await users.ensure(PROVIDER, str(caller.user.id), language=spoken)
        known = await users.get(met.user_id)
        chat = caller.chat
        return Guest(
            user_id=met.user_id,
            telegram_id=caller.user.id,
            language=language_of(known.language),
            time_zone=known.time_zone,
            app=App(account.name),
            bot=account.name,
            bot_id=update.bot_id,
            features=account.features,
            chat_id=chat.id if chat else caller.user.id,
            private=chat is None or chat.type == "private",
            key=f"tg-{update.bot_id}-{update.external_id}",
            message_id=event.message_id if isinstance(event, types.Message) else None,
        )

    async def _turned_away(self, guest: Guest, event: Any) -> str:
        """A suspended or closed account is told so; what it has paid is credited all the same."""
        if isinstance(event, types.Message) and event.successful_payment:
            return ""
        code = _CLOSED.get((await self.room.desk.users.get(guest.user_id)).status)
        if code is None:
            return ""
        said = error_text(NotAllowed(code), guest.language)
        if isinstance(event, types.CallbackQuery):
            await self.room.say.answer(event, said, alert=True)
        elif isinstance(event, types.Message):
            await self.room.say.send(guest, html(f"error.{code}", guest.language))
        return f"refused:{code}"

    async def _notice(self, guest: Guest, event: Any) -> None:
        """The first words of ours to somebody new say that it is AI; the tour says so by itself."""
        if not isinstance(event, types.Message) or guest.user_id in self._noticed:
            return
        preference = await self.room.preferences.of(guest.user_id)
        if not preference.ai_notice:
            if guest.private and self._begins(guest.bot_id, event):
                return
            await self.room.say.send(guest, html("bot.ai-notice", guest.language))
            await self.room.preferences.change(guest.user_id, ai_notice=True)
        self._noticed[guest.user_id] = None
        if len(self._noticed) > NOTICED_MAX:
            self._noticed.popitem(last=False)

    def _begins(self, bot_id: int, message: types.Message) -> bool:
        command = called(message)
        return (
            command is not None
            and command.name == "start"
            and (command.at in {"", self.names[bot_id]})
        )

    def _is_for_us(self, bot_id: int, event: Any) -> bool:
        """In groups only a command of ours, a mention or a reply to us is; what a channel says never is.

        A command for another bot stays that one's, also in reply to us.
        """
        if not isinstance(event, types.Message) or event.chat.type == "private":
            return True
        if event.chat.type == "channel" or event.sender_chat is not None:
            return False
        if (command := called(event)) is not None:
            if command.at:
                return command.at == self.names[bot_id]
            return command.name in self._commands[bot_id]
        answered = event.reply_to_message
        if answered and answered.from_user and answered.from_user.id == bot_id:
            return True
        return self._mentions(bot_id, event)

    def _mentions(self, bot_id: int, message: types.Message) -> bool:
        text = message.text or message.caption or ""
        for entity in message.entities or message.caption_entities or ():
            if entity.type == "mention":
                if entity.extract_from(text).lower() == self.names[bot_id]:
                    return True
            elif entity.type == "text_mention" and entity.user and entity.user.id == bot_id:
                return True
        return False

    def _words(self, guest: Guest, message: types.Message) -> str:
        said = message.text or message.caption or ""
        if guest.private:
            return said
        name = self.names[guest.bot_id]
        start = said.lower().find(name)
        if start < 0:
            return said
        return f"{said[:start].rstrip()} {said[start + len(name) :].lstrip(' ,:')}".strip()


def _event(update: types.Update) -> Any:
    """Raises Undecodable for a kind that this build does not know."""
    try:
        return update.event
    except UpdateTypeLookupError as error:
        raise Undecodable("unknown_kind") from error


def caller_of(event: Any) -> Caller | None:
    """None: nobody in particular, as for the post of a channel."""
    match event:
        case types.Message(from_user=types.User() as user):
            return Caller(user, event.chat)
        case types.CallbackQuery():
            return Caller(event.from_user, event.message.chat if event.message else None)
        case types.InlineQuery() | types.ChosenInlineResult():
            return Caller(event.from_user, None)
        case types.ChatMemberUpdated():
            return Caller(event.from_user, event.chat)
        case types.BotSubscriptionUpdated():
            return Caller(event.user, None)
        case types.MessageGenerationStopped():
            chat = event.chat
            name = chat.first_name or "-"
            return Caller(types.User(id=chat.id, is_bot=False, first_name=name), chat)
        case _:
            return None


def _leading(decoded: list[types.Update]) -> types.Update:
    """Whose words are those of its album: the caption may stand at any of the pictures."""
    return next((one for one in decoded if one.message and one.message.caption), decoded[0])


def _messages(decoded: list[types.Update]) -> list[types.Message]:
    return [one.message for one in decoded if one.message is not None]
