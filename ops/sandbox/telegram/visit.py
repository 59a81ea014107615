"""One call of one bot, and what every method does with messages."""

import math
from dataclasses import dataclass
from typing import Any

from ops.base.clock import unix_s
from ops.sandbox.telegram import rooms
from ops.sandbox.telegram.calls import BotCall
from ops.sandbox.telegram.files import Upload
from ops.sandbox.telegram.keyboards import any_keyboard, inline_keyboard
from ops.sandbox.telegram.params import Json, Params
from ops.sandbox.telegram.records import Bot, Chat, Message, Wire
from ops.sandbox.telegram.refusals import bad_request, too_many
from ops.sandbox.telegram.rights import check_is_there, check_may_edit, check_may_send, find_chat
from ops.sandbox.telegram.wire import bot as bot_wire
from ops.sandbox.telegram.world import TelegramWorld


class SendParams(Params):
    """What every method that sends takes."""

    reply_parameters: Json = None
    reply_to_message_id: int | None = None
    reply_markup: Json = None


class EditParams(Params):
    """What every method that edits takes: a chat and a message, or an inline message."""

    message_id: int | None = None
    inline_message_id: str | None = None
    reply_markup: Json = None


@dataclass(slots=True)
class Visit:
    """A bot at the counter."""

    world: TelegramWorld
    bot: Bot
    call: BotCall
    files: dict[str, Upload]

    def chat(self, chat_id: str | None) -> Chat:
        """A chat the bot has seen. Raises BotApiRefusal."""
        return find_chat(self.world, self.bot, chat_id)

    def open_chat(self, chat_id: str | None) -> Chat:
        """A chat the bot may write in. Raises BotApiRefusal."""
        chat = self.chat(chat_id)
        check_may_send(chat, self.bot)
        return chat

    def admit(self, chat: Chat, *, count: int = 1, draft: bool = False) -> None:
        """Raises BotApiRefusal 429 when the bot is too fast; the log says which limit it was."""
        world = self.world
        limit, wait_s = world.gauge.admit(world.limits, self.bot.id, chat, count=count, draft=draft)
        if limit:
            self.call.limit = limit
            raise too_many(max(1, math.ceil(wait_s)))

    def send(self, chat: Chat, content: Wire, params: SendParams, **facts: Any) -> Message:
        """One message, to everybody in the chat. Raises BotApiRefusal."""
        markup, other = any_keyboard(params.reply_markup)
        reply_to = self.reply_to(chat, params)
        self.admit(chat)
        message = self.place(chat, content, markup=markup, reply_to=reply_to, **facts)
        if other is not None:
            self._set_keyboard(chat, other)
        return message

    def place(self, chat: Chat, content: Wire, **facts: Any) -> Message:
        """The same without asking the limits: for each message of an album."""
        author: Wire = {"from": bot_wire(self.bot)}
        if chat.type == "channel":
            author = {"sender_chat": self.world.chat_wire(chat)}
        message = self.world.add_message(chat, content, author=author, bot_id=self.bot.id, **facts)
        self.call.message_ids.append(message.id)
        self.world.end_drafts(chat)
        rooms.publish(self.world, chat, message)
        return message

    def reply_to(self, chat: Chat, params: SendParams) -> int | None:
        """Raises BotApiRefusal 400 when the message to be answered is not there."""
        asked = params.reply_parameters if isinstance(params.reply_parameters, dict) else {}
        number = asked.get("message_id") or params.reply_to_message_id
        if not number:
            return None
        if self.world.message(chat, int(number)) is not None:
            return int(number)
        if asked.get("allow_sending_without_reply"):
            return None
        raise bad_request("message to be replied not found")

    def editable(self, params: EditParams) -> tuple[Chat, Message]:
        """The message that is to be changed. Raises BotApiRefusal."""
        if params.inline_message_id:
            return self._inline(params.inline_message_id)
        if params.message_id is None:
            raise bad_request("message identifier is not specified")
        chat = self.chat(params.chat_id)
        check_is_there(chat, self.bot)
        message = self.world.message(chat, params.message_id)
        if message is None:
            raise bad_request("message to edit not found")
        check_may_edit(chat, self.bot, message)
        return chat, message

    def change(self, params: EditParams, content: Wire, place: tuple[Chat, Message]) -> Any:
        """Give it this content and this keyboard. Raises BotApiRefusal 400 when it has them."""
        chat, message = place
        markup = inline_keyboard(params.reply_markup)
        if content == message.content and markup == message.markup:
            raise bad_request(
                "message is not modified: specified new message content and reply markup "
                "are exactly the same as a current content and reply markup of the message"
            )
        self.admit(chat)
        message.content, message.markup = content, markup
        message.edited_at = int(unix_s())
        self.world.messages.put(message)
        self.call.message_ids.append(message.id)
        rooms.publish_edit(self.world, chat, message, by=self.bot.id)
        return True if params.inline_message_id else self.world.message_wire(message)

    def _inline(self, inline_id: str) -> tuple[Chat, Message]:
        found = (one for one in self.world.messages if one.inline_id == inline_id)
        message = next(found, None)
        chat = self.world.chats.get(message.chat) if message else None
        if message is None or chat is None or message.bot_id != self.bot.id or message.deleted:
            raise bad_request("MESSAGE_ID_INVALID")
        return chat, message

    def _set_keyboard(self, chat: Chat, other: Wire) -> None:
        chat.keyboard = other if "keyboard" in other else None
        self.world.chats.put(chat)
        rooms.tell_people(self.world, chat, "keyboard", {"keyboard": chat.keyboard})
