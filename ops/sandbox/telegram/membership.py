"""Joining, being promoted, being thrown out: who is what in a group or channel, and who hears of it."""

from typing import Final

from ops.base.clock import unix_s
from ops.sandbox.telegram import rooms, views
from ops.sandbox.telegram.records import (
    ADMIN_RIGHTS,
    SUPERGROUP_BASE,
    Chat,
    ChatType,
    Member,
    Person,
    Wire,
)
from ops.sandbox.telegram.wire import member as member_wire
from ops.sandbox.telegram.wire import person as person_wire
from ops.sandbox.telegram.world import TelegramWorld

FIRST_GROUP: Final = 4_000_000
OWNER_RIGHTS: Final = list(ADMIN_RIGHTS)


def found_chat(
    world: TelegramWorld, kind: ChatType, title: str, *, owner: Person,
    username: str | None = None, chat_id: int | None = None,
) -> Chat:  # fmt: skip
    """A new group, supergroup or channel with its creator in it."""
    count = sum(one.type != "private" for one in world.chats)
    number = chat_id or -(FIRST_GROUP + count + 1)
    if kind != "group" and number > SUPERGROUP_BASE:
        number += SUPERGROUP_BASE
    chat = Chat(key=str(number), id=number, type=kind, title=title, username=username)
    chat.members[owner.id] = Member(status="creator")
    world.chats.put(chat)
    show_chat(world, chat)
    return chat


def set_member(
    world: TelegramWorld, chat: Chat, account_id: int, member: Member, *, actor: Wire
) -> int:
    """Change what somebody is here; the bot itself hears my_chat_member. Its update id, or 0."""
    before = world.member_wire(chat, account_id)
    was_inside = [person.id for person in world.watchers_in(chat)]
    chat.members[account_id] = member
    world.chats.put(chat)
    update: Wire = {
        "chat": world.chat_wire(chat),
        "from": actor,
        "date": int(unix_s()),
        "old_chat_member": before,
        "new_chat_member": world.member_wire(chat, account_id),
    }
    told = 0
    bot = world.bots.get(account_id)
    if bot is not None:
        told = world.updates.post(bot, "my_chat_member", update, chat_id=str(chat.id))
    for other in world.bots_in(chat):
        if other.id != account_id and chat.members[other.id].status == "administrator":
            world.updates.post(other, "chat_member", update, chat_id=str(chat.id))
    for person_id in was_inside:
        if person := world.people.get(person_id):
            world.feed.tell(person_id, "chat", {"chat": views.chat(world, chat, person)})
    show_chat(world, chat)
    return told


def set_blocked(world: TelegramWorld, chat: Chat, *, blocked: bool) -> int:
    """A person stops the bot, or starts it again; it hears my_chat_member."""
    if chat.blocked == blocked:
        return 0
    chat.blocked = blocked
    world.chats.put(chat)
    bot, person = world.bots.get(chat.bot_id), world.people.get(chat.person_id)
    assert bot is not None and person is not None  # noqa: S101, PT018 (both sides of a private chat)
    user = world.account_wire(bot.id)
    states = [Member(status="kicked"), Member(status="member")]
    old, new = states if not blocked else reversed(states)
    update: Wire = {
        "chat": world.chat_wire(chat),
        "from": person_wire(person),
        "date": int(unix_s()),
        "old_chat_member": member_wire(old, user, "private"),
        "new_chat_member": member_wire(new, user, "private"),
    }
    show_chat(world, chat)
    return world.updates.post(bot, "my_chat_member", update, chat_id=str(chat.id))


def migrate(world: TelegramWorld, group: Chat, *, owner: Person) -> Chat:
    """A group becomes a supergroup: another id, the old one only says where it went."""
    new = found_chat(
        world, "supergroup", group.title or "", owner=owner, chat_id=SUPERGROUP_BASE + group.id
    )
    new.members = dict(group.members)
    world.chats.put(new)
    group.migrated_to = new.id
    author: Wire = {"from": person_wire(owner)}
    note = world.add_message(
        group, {"migrate_to_chat_id": new.id}, author=author, person_id=owner.id
    )
    rooms.publish(world, group, note)
    note = world.add_message(
        new, {"migrate_from_chat_id": group.id}, author=author, person_id=owner.id
    )
    rooms.publish(world, new, note)
    show_chat(world, new)
    return new


def show_chat(world: TelegramWorld, chat: Chat) -> None:
    """Open pages draw its line in the list of chats anew."""
    for person in world.watchers_in(chat):
        world.feed.tell(person.id, "chat", {"chat": views.chat(world, chat, person)})
