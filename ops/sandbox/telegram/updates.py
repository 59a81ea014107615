"""What bots have not been told yet, and the two ways of telling: long polling and a webhook."""

import asyncio
import contextlib
from collections import defaultdict
from dataclasses import dataclass
from typing import Any, Final

from ops.base.clock import monotonic_s, unix_s
from ops.sandbox.faults import Faults
from ops.sandbox.rules import Dial
from ops.sandbox.telegram.dial import Occasion
from ops.sandbox.telegram.records import Bot, Update, Wire
from ops.sandbox.telegram.refusals import BotApiRefusal
from ops.sandbox.telegram.shelf import Shelf

KEPT_S: Final = 24 * 3600.0
LIMIT_MAX: Final = 100
TIMEOUT_MAX_S: Final = 50
QUIET: Final = frozenset({"chat_member", "message_reaction", "message_reaction_count"})
_FIRST_ID: Final = 700_000_000
_TAKEN_BY_WEBHOOK: Final = (
    "Conflict: can't use getUpdates method while webhook is active; "
    "use deleteWebhook to delete the webhook first"
)
_TAKEN_BY_OTHER: Final = (
    "Conflict: terminated by other getUpdates request; "
    "make sure that only one bot instance is running"
)
_TAKEN_BY_SET: Final = "Conflict: terminated by setWebhook request"


@dataclass(slots=True)
class Poll:
    """One getUpdates that is waiting."""

    ended_by: str = ""


class Updates:
    """The queue of every bot. An update is gone once it is confirmed, or after 24 hours."""

    def __init__(self, shelf: Shelf[Update], dial: Dial[Occasion]) -> None:
        self._shelf = shelf
        self._dial = dial
        self._news: defaultdict[int, asyncio.Event] = defaultdict(asyncio.Event)
        self._polls: dict[int, Poll] = {}
        self._by_bot: defaultdict[int, dict[int, Update]] = defaultdict(dict)

    def load(self) -> None:
        """Take up what the log has brought back."""
        for update in self._shelf:
            self._by_bot[update.bot_id][update.id] = update

    def post(self, bot: Bot, kind: str, body: Any, *, chat_id: str = "", text: str = "") -> int:
        """Something happened that this bot wants to know; its update id, 0 when it does not."""
        if not _is_wanted(bot, kind):
            return 0
        occasion = Occasion(bot.id, kind, chat_id, text, is_update=True)
        faults = Faults(self._dial.strike(occasion))
        if faults.take("malformed_update") is not None:
            body = {"sandbox": "an update that no client can decode", "date": "yesterday"}
        copies = int(faults.take("duplicate_update") or 1)
        late_s = faults.take_number("late_update") or 0.0
        return self.add(bot.id, kind, body, copies=copies, late_s=late_s)

    def add(self, bot_id: int, kind: str, body: Any, *, copies: int = 1, late_s: float = 0) -> int:
        """The same without asking whether the bot wants it; `body` may be anything at all."""
        update = Update(
            id=max(self._shelf.top, _FIRST_ID) + 1,
            bot_id=bot_id,
            kind=kind,
            body=body if isinstance(body, dict) else {"sandbox_raw": body},
            at=unix_s(),
            copies=copies,
            due_at=unix_s() + late_s if late_s else 0.0,
        )
        self._shelf.put(update)
        self._by_bot[bot_id][update.id] = update
        self.wake(bot_id)
        return update.id

    def replay(self, bot: Bot, update_id: int, kind: str, body: Wire) -> None:
        """Deliver the very same update, id and all, once more."""
        copies = 1 if bot.webhook else 2  # the next poll confirms the first of them unseen
        update = Update(
            id=update_id, bot_id=bot.id, kind=kind, body=body, at=unix_s(), copies=copies
        )
        self._shelf.put(update)
        self._by_bot[bot.id][update_id] = update
        self.wake(bot.id)

    def pending(self, bot_id: int) -> list[Update]:
        """Not yet confirmed and not too old, by id; the too old are thrown away."""
        now = unix_s()
        for update in [one for one in self._by_bot[bot_id].values() if now - one.at > KEPT_S]:
            self._drop(update)
        return sorted(self._by_bot[bot_id].values(), key=lambda one: one.id)

    def due(self, bot_id: int) -> list[Update]:
        now = unix_s()
        return [one for one in self.pending(bot_id) if one.due_at <= now]

    def confirm(self, update: Update) -> None:
        """The bot has it; while copies are left it comes again."""
        if update.copies > 1:
            update.copies -= 1
            update.due_at = 0.0
            self._shelf.put(update)
            self.wake(update.bot_id)
        else:
            self._drop(update)

    def put_off(self, update: Update, wait_s: float) -> None:
        """It could not be delivered; try again after `wait_s` seconds."""
        update.failures += 1
        update.due_at = unix_s() + wait_s
        self._shelf.put(update)

    def forget(self, bot_id: int) -> None:
        """drop_pending_updates."""
        for update in self.pending(bot_id):
            self._drop(update)

    def wake(self, bot_id: int) -> None:
        self._news.pop(bot_id, asyncio.Event()).set()

    def news(self, bot_id: int) -> asyncio.Event:
        """Is set when something is new; ask for a fresh one each time before looking."""
        return self._news[bot_id]

    async def poll(self, bot: Bot, *, offset: int, limit: int, timeout_s: int) -> list[Wire]:
        """getUpdates. Raises BotApiRefusal 409 with a webhook, or when a later poll takes over."""
        if bot.webhook is not None:
            raise BotApiRefusal(409, _TAKEN_BY_WEBHOOK)
        self._end_poll(bot.id, _TAKEN_BY_OTHER)
        self._confirm_before(bot.id, offset)
        poll = self._polls[bot.id] = Poll()
        limit = min(max(limit, 1), LIMIT_MAX)
        until_s = monotonic_s() + min(max(timeout_s, 0), TIMEOUT_MAX_S)
        try:
            while True:
                news = self.news(bot.id)
                if found := self.due(bot.id)[:limit]:
                    return [as_wire(one) for one in found]
                left_s = until_s - monotonic_s()
                if left_s <= 0:
                    return []
                await _within(news, min(left_s, self._next_due_s(bot.id)))
                if poll.ended_by:
                    raise BotApiRefusal(409, poll.ended_by)
        finally:
            if self._polls.get(bot.id) is poll:
                del self._polls[bot.id]

    def is_polled(self, bot_id: int) -> bool:
        """Whether a getUpdates of this bot is waiting just now."""
        return bot_id in self._polls

    def end_poll(self, bot_id: int) -> None:
        """A webhook is being set."""
        self._end_poll(bot_id, _TAKEN_BY_SET)

    def clear(self) -> None:
        self._by_bot.clear()

    def _end_poll(self, bot_id: int, reason: str) -> None:
        poll = self._polls.pop(bot_id, None)
        if poll is not None:
            poll.ended_by = reason
            self.wake(bot_id)

    def _confirm_before(self, bot_id: int, offset: int) -> None:
        """Ids below the offset are confirmed; a negative offset keeps only so many of the newest."""
        pending = self.pending(bot_id)
        old = [one for one in pending if one.id < offset]
        done = pending[:offset] if offset < 0 else old
        for update in done:
            self.confirm(update)

    def _next_due_s(self, bot_id: int) -> float:
        now = unix_s()
        waits = [one.due_at - now for one in self.pending(bot_id) if one.due_at > now]
        return min(waits, default=float(TIMEOUT_MAX_S))

    def _drop(self, update: Update) -> None:
        self._by_bot[update.bot_id].pop(update.id, None)
        self._shelf.drop(update.id)


def as_wire(update: Update) -> Wire:
    """An update on the wire; a raw one is whatever a test made it."""
    if update.kind == "raw":
        return {"update_id": update.id} | update.body
    return {"update_id": update.id, update.kind: update.body}


def _is_wanted(bot: Bot, kind: str) -> bool:
    if bot.allowed_updates:
        return kind in bot.allowed_updates
    return kind not in QUIET


async def _within(news: asyncio.Event, wait_s: float) -> None:
    """Until something is new or the time is up; the caller looks which."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(max(wait_s, 0)):
            await news.wait()
