"""Everything the sandbox knows of Telegram, in one object: begin reading here.

Shelves hold the records (`records.py`); `updates` is what bots are still to be told, `feed` what open
chat pages are to be shown, `calls` what bots have asked for. With a folder, all records survive a restart.
"""

import re
import secrets
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from ops.base.clock import unix_s
from ops.base.nursery import Nursery
from ops.sandbox.rules import Dial
from ops.sandbox.telegram import wire
from ops.sandbox.telegram.calls import BotCalls
from ops.sandbox.telegram.dial import Occasion
from ops.sandbox.telegram.feed import Feed
from ops.sandbox.telegram.files import Files
from ops.sandbox.telegram.limits import Gauge, TelegramLimits
from ops.sandbox.telegram.queries import Queries
from ops.sandbox.telegram.records import (
    Bot,
    Chat,
    Invoice,
    Member,
    Message,
    Payment,
    Person,
    StoredFile,
    Update,
    Wire,
)
from ops.sandbox.telegram.shelf import Log, Shelf
from ops.sandbox.telegram.updates import Updates
from ops.sandbox.telegram.webhook import Webhooks
from ops.sandbox.visits import Visits

PLAY_STARS: Final = 5_000
LOG_NAME: Final = "telegram.jsonl"
_TOKEN: Final = re.compile(r"([1-9]\d{2,12}):([A-Za-z0-9_-]{3,64})")


class TelegramWorld:
    """One of these for a server; `close` ends what it has running."""

    def __init__(self, nursery: Nursery, *, folder: Path | None = None) -> None:
        """Read what an earlier process left in `folder`. Raises ConfigError when it cannot be used."""
        self._scratch = None if folder else tempfile.TemporaryDirectory(prefix="leyden-play-")
        place = folder or Path(self._scratch.name if self._scratch else "")
        place.mkdir(parents=True, exist_ok=True)
        self._log = Log(place / LOG_NAME if folder else None)
        self._make_shelves()
        self.dial: Dial[Occasion] = Dial()
        self.limits = TelegramLimits()
        self.gauge = Gauge()
        self.calls = BotCalls()
        self.feed = Feed(self._has_page)
        self.queries = Queries()
        self.files = Files(self.stored, place / "files")
        self.updates = Updates(self.waiting, self.dial)
        self.webhooks = Webhooks(self.bots, self.updates, nursery)
        self.drafts: dict[tuple[str, int], Wire] = {}
        self.visits = Visits()
        self._load(place / LOG_NAME)

    def resume(self) -> None:
        """Deliver again to the webhooks that were set when the sandbox ended."""
        self.webhooks.resume()

    async def close(self) -> None:
        await self.webhooks.close()
        self._log.close()
        if self._scratch is not None:
            self._scratch.cleanup()

    async def reset(self) -> None:
        """As new, the log too; bots keep nothing but what they are told anew. Calls on their way are
        ended, so that none of them shows up after it.
        """
        await self.visits.end()
        for bot in self.bots:
            self.webhooks.stop(bot)
        for shelf in self._shelves:
            shelf.clear()
        self._log.empty()
        self.updates.clear()
        self.calls.clear()
        self.gauge.clear()
        self.feed.clear()
        self.queries.clear()
        self.drafts.clear()
        self.dial.set([])
        self.limits = TelegramLimits()

    # Bots and people

    def bot_of(self, token: str) -> Bot | None:
        """The bot with this token; a well-formed token of an unknown bot makes one."""
        found = _TOKEN.fullmatch(token)
        if found is None:
            return None
        bot = self.bots.get(int(found[1]))
        if bot is None:
            return self.add_bot(
                token, username=f"play_{found[1]}_bot", first_name=f"Bot {found[1]}"
            )
        return bot if secrets.compare_digest(bot.token, token) else None

    def add_bot(self, token: str, *, username: str, first_name: str) -> Bot:
        """Raises ValueError for a token that is none."""
        found = _TOKEN.fullmatch(token)
        if found is None:
            msg = "a token is a number, a colon and a secret of letters, digits, _ and -"
            raise ValueError(msg)
        bot = self.bots.get(int(found[1])) or Bot(
            id=int(found[1]), token=token, username=username, first_name=first_name
        )
        bot.token, bot.username, bot.first_name = token, username, first_name
        self.bots.put(bot)
        self.announce_bots()
        return bot

    def announce_bots(self) -> None:
        """Open pages look again which bots there are and what they can do."""
        for person in self.people:
            self.feed.tell(person.id, "bots", {})

    def _has_page(self, person_id: int) -> bool:
        person = self.people.get(person_id)
        return person is not None and bool(person.visitor)

    def bot_named(self, username: str) -> Bot | None:
        wanted = username.lstrip("@").lower()
        return next((one for one in self.bots if one.username.lower() == wanted), None)

    def add_person(
        self, first_name: str, *, language: str = "en", username: str | None = None,
        person_id: int | None = None, stars: int = PLAY_STARS, visitor: str = "",
    ) -> Person:  # fmt: skip
        number = person_id or max(self.people.top, 100_000) + 1
        return self.people.put(
            Person(
                id=number, first_name=first_name, username=username, language=language,
                stars=stars, visitor=visitor,
            )
        )  # fmt: skip

    # Chats

    def private_chat(self, bot: Bot, person: Person) -> Chat:
        """The conversation of these two, begun now if need be."""
        key = f"{bot.id}/{person.id}"
        chat = self.chats.get(key)
        return chat or self.chats.put(
            Chat(key=key, id=person.id, type="private", bot_id=bot.id, person_id=person.id)
        )

    def group_chat(self, chat_id: int) -> Chat | None:
        return self.chats.get(str(chat_id))

    def chat_named(self, username: str) -> Chat | None:
        wanted = username.lstrip("@").lower()
        named = (one for one in self.chats if one.username and one.username.lower() == wanted)
        return next(named, None)

    def watchers_in(self, chat: Chat) -> Iterator[Person]:
        """People of this chat who have a page to see it on."""
        ids = [chat.person_id] if chat.type == "private" else self._inside(chat, bots=False)
        yield from (person for one in ids if (person := self.people.get(one)) and person.visitor)

    def bots_in(self, chat: Chat) -> Iterator[Bot]:
        ids = [chat.bot_id] if chat.type == "private" else self._inside(chat, bots=True)
        yield from (bot for one in ids if (bot := self.bots.get(one)))

    def _inside(self, chat: Chat, *, bots: bool) -> list[int]:
        return [one for one, who in chat.members.items() if who.is_inside and who.is_bot == bots]

    def chat_wire(self, chat: Chat) -> Wire:
        return wire.chat(chat, self.people.get(chat.person_id))

    def account_wire(self, account_id: int) -> Wire:
        """A person or a bot as a User; somebody unknown has only an id."""
        if person := self.people.get(account_id):
            return wire.person(person)
        if bot := self.bots.get(account_id):
            return wire.bot(bot)
        return {"id": account_id, "is_bot": False, "first_name": "Somebody"}

    def member_wire(self, chat: Chat, account_id: int) -> Wire:
        one = chat.members.get(account_id) or Member(status="left")
        return wire.member(one, self.account_wire(account_id), chat.type)

    # Messages

    def message(self, chat: Chat, message_id: int) -> Message | None:
        """None for one that never was or has been deleted."""
        found = self.messages.get(f"{chat.key}#{message_id}")
        return None if found is None or found.deleted else found

    def add_message(self, chat: Chat, content: Wire, **facts: Any) -> Message:
        """Give it the next id of its chat and keep it."""
        chat.last_message_id += 1
        self.chats.put(chat)
        return self.messages.put(
            Message(
                chat=chat.key, id=chat.last_message_id, at=int(unix_s()), content=content, **facts
            )
        )

    def end_drafts(self, chat: Chat) -> None:
        """A message has come in place of what was being written here; old drafts go as well."""
        now = unix_s()
        for place, draft in list(self.drafts.items()):
            if place[0] == chat.key or draft["until"] < now:
                del self.drafts[place]

    def history(self, chat: Chat) -> list[Message]:
        """What is still there, oldest first."""
        ids = range(1, chat.last_message_id + 1)
        return [found for one in ids if (found := self.message(chat, one))]

    def message_wire(self, message: Message, *, quoting: bool = True) -> Wire:
        """The message as the Bot API shows it, with the one it answers (and no further)."""
        chat = self.chats.get(message.chat)
        assert chat is not None  # noqa: S101 (chats are never dropped)
        shown: Wire = {"message_id": message.id, **message.author, "chat": self.chat_wire(chat)}
        shown["date"] = message.at
        if message.edited_at:
            shown["edit_date"] = message.edited_at
        if quoting and message.reply_to and (quoted := self.message(chat, message.reply_to)):
            shown["reply_to_message"] = self.message_wire(quoted, quoting=False)
        shown |= message.content
        return shown | ({"reply_markup": message.markup} if message.markup else {})

    def _make_shelves(self) -> None:
        log = self._log
        self.bots = Shelf("bots", Bot, lambda one: one.id, log)
        self.people = Shelf("people", Person, lambda one: one.id, log)
        self.chats = Shelf("chats", Chat, lambda one: one.key, log)
        self.messages = Shelf("messages", Message, lambda one: f"{one.chat}#{one.id}", log)
        self.stored = Shelf("files", StoredFile, lambda one: one.file_id, log)
        self.waiting = Shelf("updates", Update, lambda one: one.id, log)
        self.invoices = Shelf("invoices", Invoice, lambda one: one.slug, log)
        self.payments = Shelf("payments", Payment, lambda one: one.charge_id, log)
        self._shelves: tuple[Shelf[Any], ...] = (
            self.bots, self.people, self.chats, self.messages, self.stored, self.waiting,
            self.invoices, self.payments,
        )  # fmt: skip

    def _load(self, path: Path) -> None:
        shelves = {shelf.name: shelf for shelf in self._shelves}
        for line in self._log.lines(path):
            shelves[line["shelf"]].apply(line)
        self.updates.load()
