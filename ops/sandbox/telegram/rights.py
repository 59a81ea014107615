"""Where a bot may go: chats that exist for it, and what it may do there."""

from typing import Final

from ops.sandbox.telegram.records import Bot, Chat, Member, Message
from ops.sandbox.telegram.refusals import BotApiRefusal, bad_request, forbidden
from ops.sandbox.telegram.world import TelegramWorld

DELETE_WITHIN_S: Final = 48 * 3600
_NO_CHAT: Final = "chat not found"


def find_chat(world: TelegramWorld, bot: Bot, chat_id: str | None) -> Chat:
    """A chat that this bot has seen. Raises BotApiRefusal 400 or 403."""
    if not chat_id:
        raise bad_request("chat_id is empty")
    if chat_id.startswith("@"):
        named = world.chat_named(chat_id)
        if named is None:
            raise bad_request(_NO_CHAT)
        return named
    try:
        number = int(chat_id)
    except ValueError:
        raise bad_request("chat not found") from None
    if number > 0:
        return _private(world, bot, number)
    chat = world.group_chat(number)
    if chat is None or (bot.id not in chat.members and not chat.username):
        raise bad_request(_NO_CHAT)
    return chat


def check_may_send(chat: Chat, bot: Bot) -> None:
    """Raises BotApiRefusal 400 or 403."""
    check_is_there(chat, bot)
    if chat.type == "channel" and not chat.members[bot.id].may("can_post_messages"):
        raise bad_request("need administrator rights in the channel chat")


def check_is_there(chat: Chat, bot: Bot) -> None:
    """Raises BotApiRefusal: blocked, kicked, no member, or the group lives elsewhere now."""
    if chat.type == "private":
        if chat.blocked:
            raise forbidden("bot was blocked by the user")
        return
    if chat.migrated_to is not None:
        description = "Bad Request: group chat was upgraded to a supergroup chat"
        raise BotApiRefusal(400, description, migrate_to_chat_id=chat.migrated_to)
    member = chat.members.get(bot.id) or Member(status="left")
    if member.status == "kicked":
        raise forbidden(f"bot was kicked from the {chat.type} chat")
    if not member.is_inside:
        raise forbidden(f"bot is not a member of the {chat.type} chat")


def check_may_edit(chat: Chat, bot: Bot, message: Message) -> None:
    """Raises BotApiRefusal 400: only the author, or in a channel whoever has the right."""
    if message.bot_id == bot.id:
        return
    member = chat.members.get(bot.id)
    if chat.type == "channel" and member is not None and member.may("can_edit_messages"):
        return
    raise bad_request("message can't be edited")


def check_may_delete(chat: Chat, bot: Bot, message: Message, *, now: float) -> None:
    """Raises BotApiRefusal 400: too old, or somebody else's without the right."""
    member = chat.members.get(bot.id)
    may = member is not None and member.may("can_delete_messages")
    own = message.bot_id == bot.id
    if chat.type == "channel":
        own = own and member is not None and member.may("can_post_messages")
    if not (may or own or chat.type == "private"):
        raise bad_request("message can't be deleted")
    if not may and now - message.at > DELETE_WITHIN_S:
        raise bad_request("message can't be deleted for everyone")


def _private(world: TelegramWorld, bot: Bot, number: int) -> Chat:
    chat = world.chats.get(f"{bot.id}/{number}")
    if chat is not None:
        return chat
    if world.people.get(number) is not None:
        raise forbidden("bot can't initiate conversation with a user")
    raise bad_request(_NO_CHAT)
