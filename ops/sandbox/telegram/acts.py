"""What people do: write, send files, press buttons, ask inline, block. Pages and tests both come here."""

import secrets
from typing import Any, Final

from ops.base.clock import unix_s
from ops.sandbox.telegram import membership, rooms, wire
from ops.sandbox.telegram.entities import caption, message_text
from ops.sandbox.telegram.files import Upload
from ops.sandbox.telegram.keyboards import has_data
from ops.sandbox.telegram.queries import Query
from ops.sandbox.telegram.records import Bot, Chat, Message, Person, Wire
from ops.sandbox.telegram.refusals import BotApiRefusal, bad_request
from ops.sandbox.telegram.world import TelegramWorld

ALBUM_MOST: Final = 10
PHOTO_TYPES: Final = ("image/jpeg", "image/png", "image/webp")


class NotPossible(Exception):
    """A person cannot do this; the code says why in a word, the text in a sentence."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


def write(
    world: TelegramWorld, person: Person, chat: Chat, text: str, *, reply_to: int | None = None
) -> Message:
    """Raises NotPossible for an empty or too long text, or where this person may not write."""
    _check_may_write(person, chat)
    try:
        content = message_text(text, None, None)
    except BotApiRefusal as refusal:
        raise NotPossible("bad_text", refusal.description) from None
    if chat.blocked and text.startswith("/start"):
        membership.set_blocked(world, chat, blocked=False)
    message = _add(world, person, chat, content, reply_to=reply_to)
    rooms.publish(world, chat, message)
    return message


async def send_files(
    world: TelegramWorld, person: Person, chat: Chat, uploads: list[Upload], *, text: str = "",
    as_documents: bool = False, reply_to: int | None = None,
) -> list[Message]:  # fmt: skip
    """One message a file; several are an album and come as several updates. Raises NotPossible."""
    _check_may_write(person, chat)
    if not 1 <= len(uploads) <= ALBUM_MOST:
        raise NotPossible("too_many_files", f"1 to {ALBUM_MOST} files at a time")
    try:
        captions = caption(text, None, None)
        contents = [await _media(world, one, as_document=as_documents) for one in uploads]
    except BotApiRefusal as refusal:
        raise NotPossible("bad_file", refusal.description) from None
    contents[0] |= captions
    if len(contents) > 1:
        album = str(secrets.randbelow(2**53) + 2**52)
        contents = [content | {"media_group_id": album} for content in contents]
    sent = [_add(world, person, chat, content, reply_to=reply_to) for content in contents]
    for message in sent:
        rooms.publish(world, chat, message)
    return sent


def edit(world: TelegramWorld, person: Person, chat: Chat, message_id: int, text: str) -> Message:
    """Raises NotPossible."""
    message = world.message(chat, message_id)
    if message is None or message.person_id != person.id or "text" not in message.content:
        raise NotPossible("not_yours", "only a text of your own can be changed")
    message.content = message_text(text, None, None)
    message.edited_at = int(unix_s())
    world.messages.put(message)
    rooms.publish_edit(world, chat, message, by=None)
    return message


def press(
    world: TelegramWorld, person: Person, chat: Chat, message_id: int, data: str, *,
    sure: bool = False,
) -> Query:  # fmt: skip
    """A callback_query with an id and an update of its own each time. `sure`: even where the button
    is no longer there, as an old screen would. Raises NotPossible.
    """
    message = world.message(chat, message_id)
    bot = world.bots.get(message.bot_id or 0) if message else None
    if message is None or bot is None or not (sure or has_data(message.markup, data)):
        raise NotPossible("no_button", "there is no such button")
    query = world.queries.ask("callback", bot_id=bot.id, person_id=person.id)
    body: Wire = {
        "id": query.id,
        "from": wire.person(person),
        "chat_instance": str(abs(chat.id) * 7919),
        "data": data,
    }
    if message.inline_id:
        body["inline_message_id"] = message.inline_id
    else:
        body["message"] = world.message_wire(message)
    world.updates.post(bot, "callback_query", body, chat_id=str(chat.id), text=data)
    return query


async def ask_inline(
    world: TelegramWorld, person: Person, bot: Bot, text: str, *, chat: Chat | None = None,
    timeout_s: float = 10.0,
) -> tuple[Query, list[Wire]]:  # fmt: skip
    """The results a bot offers, none when it does not answer in time."""
    query = world.queries.ask("inline", bot_id=bot.id, person_id=person.id)
    body: Wire = {
        "id": query.id,
        "from": wire.person(person),
        "query": text,
        "offset": "",
        "chat_type": "sender"
        if chat and chat.bot_id == bot.id
        else chat.type
        if chat
        else "sender",
    }
    world.updates.post(bot, "inline_query", body, chat_id=str(person.id), text=text)
    answer = await world.queries.wait(query, timeout_s)
    return query, (answer or {}).get("results", [])


def choose(
    world: TelegramWorld, person: Person, chat: Chat, query: Query, result_id: str, *, text: str
) -> Message:
    """Send an inline result into a chat by way of its bot. Raises NotPossible."""
    _check_may_write(person, chat)
    found = (one for one in query.answer.get("results", []) if one["id"] == result_id)
    result, bot = next(found, None), world.bots.get(query.bot_id)
    if result is None or bot is None or query.kind != "inline":
        raise NotPossible("no_result", "there is no such result")
    content = dict(result["content"]) | {"via_bot": wire.bot(bot)}
    if (file := world.files.get(result["photo_file_id"])) is not None:
        content["photo"] = [wire.photo_size(file)]
    inline_id = f"play-{secrets.token_urlsafe(18)}" if result["markup"] else ""
    message = _add(world, person, chat, content)
    message.markup, message.inline_id, message.bot_id = result["markup"], inline_id, bot.id
    world.messages.put(message)
    rooms.publish(world, chat, message)
    chosen: Wire = {"result_id": result_id, "from": wire.person(person), "query": text}
    if inline_id:
        chosen["inline_message_id"] = inline_id
    world.updates.post(bot, "chosen_inline_result", chosen, chat_id=str(person.id), text=text)
    return message


def stop_draft(world: TelegramWorld, person: Person, chat: Chat, draft_id: int) -> int:
    """The stop button under a text that is being written; the update id. Raises NotPossible."""
    draft = world.drafts.get((chat.key, draft_id))
    bot = world.bots.get(chat.bot_id)
    if draft is None or bot is None or not draft["can_stop"]:
        raise NotPossible("nothing_to_stop", "there is nothing to stop")
    if not draft["keep"]:
        del world.drafts[chat.key, draft_id]
        world.feed.tell(person.id, "draft_end", {"chat": chat.key, "draft_id": draft_id})
    body: Wire = {"chat": world.chat_wire(chat), "draft_id": draft_id}
    return world.updates.post(bot, "stopped_message_generation", body, chat_id=str(chat.id))


def _add(
    world: TelegramWorld, person: Person, chat: Chat, content: Wire, *, reply_to: int | None = None
) -> Message:
    """In a channel its name stands above the post, not the person's."""
    author: dict[str, Any] = {"from": wire.person(person)}
    if chat.type == "channel":
        author = {"sender_chat": world.chat_wire(chat), "author_signature": person.first_name}
    if reply_to is not None and world.message(chat, reply_to) is None:
        reply_to = None
    return world.add_message(chat, content, author=author, person_id=person.id, reply_to=reply_to)


async def _media(world: TelegramWorld, upload: Upload, *, as_document: bool) -> Wire:
    if not as_document and upload.mime_type in PHOTO_TYPES:
        return await world.files.add_photo(upload)
    if not as_document and upload.mime_type == "video/mp4":
        return await world.files.add_video(upload)
    if not upload.data:
        raise bad_request("file must be non-empty")
    return await world.files.add_document(upload)


def _check_may_write(person: Person, chat: Chat) -> None:
    if chat.migrated_to is not None:
        raise NotPossible("moved", "this group has become a supergroup")
    if chat.type == "private":
        if chat.person_id != person.id:
            raise NotPossible("not_yours", "this is somebody else's chat")
        return
    member = chat.members.get(person.id)
    if member is None or not member.is_inside:
        raise NotPossible("not_inside", "you are not in this chat")
    if chat.type == "channel" and not member.may("can_post_messages"):
        raise NotPossible("only_administrators", "only administrators write in this channel")
