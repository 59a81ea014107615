"""Sending, copying, editing and deleting messages of text, and what shows while they are made."""

from typing import Any, Final

from ops.base.clock import unix_s
from ops.sandbox.telegram import rooms
from ops.sandbox.telegram.entities import fields, formatted, message_text
from ops.sandbox.telegram.methods.method import Method
from ops.sandbox.telegram.params import JsonList, Params, Text
from ops.sandbox.telegram.records import Wire
from ops.sandbox.telegram.refusals import bad_request
from ops.sandbox.telegram.rights import check_is_there, check_may_delete
from ops.sandbox.telegram.text16 import len16
from ops.sandbox.telegram.visit import EditParams, SendParams, Visit

DRAFT_S: Final = 30.0
TEXT_MAX: Final = 4096
IDS_MAX: Final = 100
ACTIONS: Final = (
    "typing", "upload_photo", "record_video", "upload_video", "record_voice", "upload_voice",
    "upload_document", "choose_sticker", "find_location", "record_video_note", "upload_video_note",
)  # fmt: skip


class SendMessage(SendParams):
    text: str | None = None
    parse_mode: str | None = None
    entities: JsonList = None


class SendDraft(Params):
    draft_id: int | None = None
    text: str | None = None
    parse_mode: str | None = None
    entities: JsonList = None
    can_stop: bool = False
    keep_on_stop: bool = False


class EditText(EditParams):
    text: str | None = None
    parse_mode: str | None = None
    entities: JsonList = None


class CopyMessage(SendParams):
    from_chat_id: Text = None
    message_id: int | None = None
    caption: str | None = None
    parse_mode: str | None = None
    caption_entities: JsonList = None


class OneMessage(Params):
    message_id: int | None = None


class ManyMessages(Params):
    message_ids: JsonList = None


class Action(Params):
    action: str | None = None


class Reaction(OneMessage):
    reaction: JsonList = None


async def send_message(visit: Visit, params: SendMessage) -> Wire:
    content = message_text(params.text, params.parse_mode, params.entities)
    chat = visit.open_chat(params.chat_id)
    return visit.world.message_wire(visit.send(chat, content, params))


async def send_draft(visit: Visit, params: SendDraft) -> bool:
    """A text that is still being written; it shows for half a minute and is never a message."""
    if not params.draft_id:
        raise bad_request("draft_id must be non-zero")
    chat = visit.open_chat(params.chat_id)
    if chat.type != "private":
        raise bad_request("method is available only in private chats")
    ready = formatted(params.text, params.parse_mode, params.entities)
    if len16(ready.text) > TEXT_MAX:
        raise bad_request("message is too long")
    visit.admit(chat, draft=True)
    draft = fields("text", "entities", ready) | {
        "draft_id": params.draft_id,
        "can_stop": params.can_stop,
        "until": unix_s() + DRAFT_S,
    }
    visit.world.drafts[chat.key, params.draft_id] = draft | {"keep": params.keep_on_stop}
    rooms.tell_people(visit.world, chat, "draft", {"draft": draft})
    return True


async def edit_text(visit: Visit, params: EditText) -> Any:
    content = message_text(params.text, params.parse_mode, params.entities)
    chat, message = visit.editable(params)
    if "text" not in message.content:
        raise bad_request("there is no text in the message to edit")
    return visit.change(params, content, (chat, message))


async def edit_markup(visit: Visit, params: EditParams) -> Any:
    chat, message = visit.editable(params)
    return visit.change(params, message.content, (chat, message))


async def forward_message(visit: Visit, params: CopyMessage) -> Wire:
    source, message = _source(visit, params)
    chat = visit.open_chat(params.chat_id)
    content = {name: value for name, value in message.content.items() if name != "media_group_id"}
    if source.type == "channel":
        shown = visit.world.chat_wire(source)
        origin: Wire = {"type": "channel", "chat": shown, "message_id": message.id}
    else:
        origin = {"type": "user", "sender_user": message.author.get("from")}
    content["forward_origin"] = origin | {"date": message.at}
    return visit.world.message_wire(visit.send(chat, content, SendParams()))


async def copy_message(visit: Visit, params: CopyMessage) -> Wire:
    _, message = _source(visit, params)
    chat = visit.open_chat(params.chat_id)
    dropped = ["media_group_id", "forward_origin"]
    content = {name: value for name, value in message.content.items() if name not in dropped}
    if params.caption is not None and "text" not in content:
        ready = formatted(params.caption, params.parse_mode, params.caption_entities)
        content = {name: content[name] for name in content if not name.startswith("caption")}
        content |= fields("caption", "caption_entities", ready)
    return {"message_id": visit.send(chat, content, params).id}


async def delete_message(visit: Visit, params: OneMessage) -> bool:
    chat = visit.chat(params.chat_id)
    check_is_there(chat, visit.bot)
    if params.message_id is None:
        raise bad_request("message identifier is not specified")
    message = visit.world.message(chat, params.message_id)
    if message is None:
        raise bad_request("message to delete not found")
    check_may_delete(chat, visit.bot, message, now=unix_s())
    message.deleted = True
    visit.world.messages.put(message)
    visit.call.message_ids.append(message.id)
    rooms.publish_deletion(visit.world, chat, [message.id])
    return True


async def delete_messages(visit: Visit, params: ManyMessages) -> bool:
    """Ids that are not there are skipped."""
    chat = visit.chat(params.chat_id)
    check_is_there(chat, visit.bot)
    ids = params.message_ids or []
    if not ids:
        raise bad_request("message identifiers are not specified")
    if len(ids) > IDS_MAX:
        raise bad_request("too many message identifiers specified")
    found = [one for number in ids if (one := visit.world.message(chat, int(number)))]
    for message in found:
        check_may_delete(chat, visit.bot, message, now=unix_s())
    for message in found:
        message.deleted = True
        visit.world.messages.put(message)
        visit.call.message_ids.append(message.id)
    rooms.publish_deletion(visit.world, chat, [one.id for one in found])
    return True


async def send_action(visit: Visit, params: Action) -> bool:
    if params.action not in ACTIONS:
        raise bad_request("wrong parameter action in request")
    chat = visit.open_chat(params.chat_id)
    rooms.tell_people(visit.world, chat, "action", {"action": params.action})
    return True


async def set_reaction(visit: Visit, params: Reaction) -> bool:
    chat = visit.chat(params.chat_id)
    check_is_there(chat, visit.bot)
    message = visit.world.message(chat, params.message_id or 0)
    if message is None:
        raise bad_request("message to react not found")
    given = params.reaction or []
    if any(not isinstance(one, dict) or one.get("type") == "paid" for one in given):
        raise bad_request("REACTION_INVALID")
    message.reactions[visit.bot.id] = given
    visit.world.messages.put(message)
    rooms.publish_edit(visit.world, chat, message, by=visit.bot.id)
    return True


def _source(visit: Visit, params: CopyMessage) -> Any:
    source = visit.chat(params.from_chat_id)
    message = visit.world.message(source, params.message_id or 0)
    if message is None:
        raise bad_request("message to copy not found")
    return source, message


METHODS: Final = (
    Method("sendMessage", SendMessage, send_message),
    Method("sendMessageDraft", SendDraft, send_draft),
    Method("editMessageText", EditText, edit_text),
    Method("editMessageReplyMarkup", EditParams, edit_markup),
    Method("forwardMessage", CopyMessage, forward_message),
    Method("copyMessage", CopyMessage, copy_message),
    Method("deleteMessage", OneMessage, delete_message),
    Method("deleteMessages", ManyMessages, delete_messages),
    Method("sendChatAction", Action, send_action),
    Method("setMessageReaction", Reaction, set_reaction),
)
