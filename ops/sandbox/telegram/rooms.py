"""Who hears of what happens in a chat: open pages of its people, and the bots that may see it."""

from typing import Final

from ops.sandbox.telegram import views
from ops.sandbox.telegram.records import Bot, Chat, Message, Wire
from ops.sandbox.telegram.text16 import slice16
from ops.sandbox.telegram.world import TelegramWorld

_COMMANDS: Final = ("bot_command", "mention")
_WRITTEN: Final = ("text", "caption", "photo", "video", "animation", "document")


def publish(world: TelegramWorld, chat: Chat, message: Message) -> int:
    """A new message; the update id if a bot was told (the last one, where there are several)."""
    told = 0
    for bot in _audience(world, chat, message):
        told = _tell(world, bot, chat, message, edited=False) or told
    for person in world.watchers_in(chat):
        body = {"chat": chat.key, "message": views.message(world, message, person)}
        world.feed.tell(person.id, "message", body)
    return told


def publish_edit(world: TelegramWorld, chat: Chat, message: Message, *, by: int | None) -> None:
    """A changed message; `by` is the bot that changed it and knows."""
    for bot in _audience(world, chat, message):
        if bot.id != by:
            _tell(world, bot, chat, message, edited=True)
    for person in world.watchers_in(chat):
        body = {"chat": chat.key, "message": views.message(world, message, person)}
        world.feed.tell(person.id, "edit", body)


def publish_deletion(world: TelegramWorld, chat: Chat, message_ids: list[int]) -> None:
    """Bots are never told of deletions."""
    tell_people(world, chat, "delete", {"message_ids": message_ids})


def tell_people(world: TelegramWorld, chat: Chat, kind: str, body: Wire) -> None:
    for person in world.watchers_in(chat):
        world.feed.tell(person.id, kind, {"chat": chat.key} | body)


def _tell(world: TelegramWorld, bot: Bot, chat: Chat, message: Message, *, edited: bool) -> int:
    kind = "channel_post" if chat.type == "channel" else "message"
    kind = f"edited_{kind}" if edited else kind
    text = str(message.content.get("text") or message.content.get("caption") or "")
    shown = world.message_wire(message)
    return world.updates.post(bot, kind, shown, chat_id=str(chat.id), text=text)


def _audience(world: TelegramWorld, chat: Chat, message: Message) -> list[Bot]:
    """Bots do not hear other bots, except in channels; nobody hears itself."""
    others = [bot for bot in world.bots_in(chat) if bot.id != message.bot_id]
    if chat.type == "channel":
        return others
    if message.bot_id is not None and message.person_id is None:
        return []
    if chat.type == "private":
        return others if not chat.blocked else []
    return [bot for bot in others if _is_for(world, bot, chat, message)]


def _is_for(world: TelegramWorld, bot: Bot, chat: Chat, message: Message) -> bool:
    """In a group: commands, mentions and replies, unless the bot may read everything."""
    if bot.reads_all or chat.members[bot.id].status == "administrator":
        return True
    if not any(name in message.content for name in _WRITTEN):
        return True
    quoted = world.message(chat, message.reply_to) if message.reply_to else None
    if quoted is not None and quoted.bot_id == bot.id:
        return True
    text = str(message.content.get("text") or message.content.get("caption") or "")
    entities = message.content.get("entities") or message.content.get("caption_entities") or []
    for entity in entities:
        part = slice16(text, entity["offset"], entity["length"]).lower()
        name = part.partition("@")[2]
        if entity["type"] in _COMMANDS and name in ("", bot.username.lower()):
            return True
    return False
