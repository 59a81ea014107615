"""What the chat page is shown: the messages of the Bot API with a few facts that only a page needs."""

from typing import Any

from ops.sandbox.telegram import wire
from ops.sandbox.telegram.records import Bot, Chat, Message, Person, Wire
from ops.sandbox.telegram.world import TelegramWorld


def message(world: TelegramWorld, one: Message, viewer: Person) -> Wire:
    """`mine`: the viewer wrote it. `author`: whose name stands above it in a group."""
    shown = world.message_wire(one)
    shown["mine"] = one.person_id == viewer.id
    shown["author"] = _author(world, one)
    if one.inline_id:
        shown["via"] = _username(world, one.bot_id)
    if one.reactions:
        shown["reactions"] = [
            str(reaction.get("emoji", "★"))
            for given in one.reactions.values()
            for reaction in given
        ]
    if one.invoice:
        shown["slug"] = one.invoice
        shown["invoice_paid"] = any(paid.invoice == one.invoice for paid in world.payments)
    return shown


def chat(world: TelegramWorld, one: Chat, viewer: Person) -> Wire:
    """A line of the list of chats."""
    peer = world.bots.get(one.bot_id) if one.type == "private" else None
    last = world.message(one, one.last_message_id) if one.last_message_id else None
    own = one.members.get(viewer.id)
    return {
        "key": one.key,
        "type": one.type,
        "title": peer.first_name if peer else one.title or "",
        "bot": bot(peer, viewer) if peer else None,
        "bots": [bot(each, viewer) for each in world.bots_in(one)],
        "may_write": one.migrated_to is None and (one.type != "channel" or _may_post(one, viewer)),
        "is_owner": own is not None and own.status == "creator",
        "blocked": one.blocked,
        "keyboard": one.keyboard,
        "last": message(world, last, viewer) if last else None,
    }


def bot(one: Bot, viewer: Person) -> Wire:
    return {
        "id": one.id,
        "username": one.username,
        "name": one.first_name,
        "about": by_language(one.about, viewer.language) or "",
        "commands": by_language(one.commands, viewer.language) or [],
    }


def me(one: Person) -> Wire:
    return wire.person(one) | {"stars": one.stars}


def by_language(texts: dict[str, Any], language: str) -> Any:
    """What is said in this language, else what is said to everybody."""
    return texts.get(language) or texts.get("") or texts.get("en")


def _may_post(one: Chat, viewer: Person) -> bool:
    own = one.members.get(viewer.id)
    return own is not None and own.may("can_post_messages")


def _author(world: TelegramWorld, one: Message) -> str:
    if one.person_id is not None and (person := world.people.get(one.person_id)):
        return person.first_name
    return _name(world, one.bot_id)


def _name(world: TelegramWorld, bot_id: int | None) -> str:
    found = world.bots.get(bot_id or 0)
    return found.first_name if found else ""


def _username(world: TelegramWorld, bot_id: int | None) -> str:
    found = world.bots.get(bot_id or 0)
    return found.username if found else ""
