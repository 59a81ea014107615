"""How each end reached its user: "generated" and "delivered" are separate facts.

Only the functions of migration 0051 move a delivery. Whoever takes one has it for a lease; its number
(`fence`) is asked for at every write, so a sender that was replaced writes nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal
from uuid import UUID

from schemas.targets import InlineTarget, TelegramTarget, parse_target
from storage.pool import Database

CARD_WAIT_S: Final = 2.0
"""How long an answer waits for the card of a job that was quicker than it."""

_OF_JOB = """
select d.target, d.state::text, d.message_ref, d.tries, d.created_at, d.ended_at
  from work.delivery d join work.job j on j.id = d.job_id
 where d.job_id = $1 and j.user_id = $2 order by d.id
"""
_MESSAGES = """
select d.target, d.parts || d.others as ids, d.message_ref
  from work.delivery d join work.job j on j.id = d.job_id where d.job_id = $1 and j.user_id = $2
"""
_TAKE = "select * from work.take_deliveries($1, $2, $3, $4)"
_RENEW = "select * from work.renew_deliveries($1, $2, $3)"
_NOTE = "select work.note_messages($1, $2, $3, $4)"
_DELAY = "select work.delay_delivery($1, $2, $3, $4, $5)"
_DELAY_CHAT = "select work.delay_chat($1, $2, $3)"
_END = "select work.end_delivery($1, $2, $3, $4, $5)"
_WAITING = """
select count(*) as number,
       coalesce(extract(epoch from clock_timestamp() - min(created_at)), 0)::float8 as oldest_s
  from work.delivery where due_at is not null and state in ('pending', 'sending')
"""
_MOVE = """
insert into app.chat_move (old_id, new_id) values ($1, $2)
on conflict (old_id) do update set new_id = excluded.new_id, at = clock_timestamp()
"""
_MOVED = """
with recursive way as (
  select new_id, 1 as steps from app.chat_move where old_id = $1
  union all
  select m.new_id, w.steps + 1 from app.chat_move m join way w on m.old_id = w.new_id where w.steps < 5)
select new_id from way order by steps desc limit 1
"""


@dataclass(frozen=True, slots=True)
class Delivery:
    """`state`: pending, sending, sent, uncertain, undeliverable. Target `pull`: the client asks."""

    target: str
    state: str
    message_ref: str | None
    tries: int
    created_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class Due:
    """A delivery in hand. `parts`: the messages of it that are known to be there (their ids).

    `taken_over`: from a sender that fell silent, so what it sent last may be there too. `gift`: the
    result came after its job had ended, and is free. `telegram_id`: the person's, where one is known.
    """

    id: int
    fence: int
    taken_over: bool
    tries: int
    target: str
    parts: tuple[int, ...]
    job_id: UUID
    user_id: int
    created_at: datetime
    save: bool
    gift: bool
    language: str
    telegram_id: int | None


@dataclass(frozen=True, slots=True)
class Waiting:
    """Deliveries that have not ended, and for how long the oldest has been one."""

    number: int
    oldest_s: float


class Deliveries:
    """Every method may raise Unavailable. `False` from a write: somebody else has the delivery now."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def of_job(self, user_id: int, job_id: UUID) -> list[Delivery]:
        """Oldest first; empty while the job runs, and for another person's job."""
        return [Delivery(*row.values()) for row in await self._db.fetch(_OF_JOB, job_id, user_id)]

    async def messages(self, user_id: int, job_id: UUID, *, bot: str, chat_id: int) -> list[int]:
        """All that this bot has said in this chat to tell this person of the job: ids of messages.

        Of an answer to an inline query that is what went to the person's own chat.
        """
        found: set[int] = set()
        for row in await self._db.fetch(_MESSAGES, job_id, user_id):
            target = parse_target(row["target"])
            match target:
                case TelegramTarget(bot=name) if name == bot:
                    chat = (row["message_ref"] or "").partition(":")[0]
                    here = int(chat) if chat else await self.chat_now(target.chat_id)
                case InlineTarget(bot=name) if name == bot and chat_id > 0:
                    here = chat_id
                case _:
                    continue
            found.update(row["ids"] if here == chat_id else ())
        return sorted(found)

    async def take(
        self,
        bots: Sequence[str],
        *,
        limit: int,
        lease_s: float,
        card_wait_s: float = CARD_WAIT_S,
    ) -> list[Due]:
        """Due deliveries in chats of these bots; ours for `lease_s`."""
        rows = await self._db.fetch(_TAKE, list(bots), limit, lease_s, card_wait_s)
        return [Due(**{**row, "parts": tuple(row["parts"])}) for row in rows]

    async def renew(self, held: Sequence[Due], *, lease_s: float) -> None:
        """Keep these in hand. Who was replaced meanwhile hears it at the next write."""
        if held:
            ids, fences = [due.id for due in held], [due.fence for due in held]
            await self._db.fetch(_RENEW, ids, fences, lease_s)

    async def note_part(self, due: Due, message_id: int, others: Sequence[int] = ()) -> bool:
        """This message is there, so it is not sent again. `others`: of the same album."""
        return bool(await self._db.fetchval(_NOTE, due.id, due.fence, message_id, list(others)))

    async def delay(
        self, due: Due, delay_s: float, *, counted: bool = True, doubtful: bool = False
    ) -> bool:
        """Not now. `doubtful`: what was sent last may have arrived, and is going to be sent again."""
        return bool(await self._db.fetchval(_DELAY, due.id, due.fence, delay_s, counted, doubtful))

    async def delay_chat(self, due: Due, delay_s: float, *, each_s: float) -> int:
        """What else is due in its chat, behind it: one each `each_s`. How many there were."""
        return int(await self._db.fetchval(_DELAY_CHAT, due.id, delay_s, each_s))

    async def end(
        self,
        due: Due,
        state: Literal["sent", "uncertain", "undeliverable"],
        *,
        message_ref: str | None = None,
        reason: str | None = None,
    ) -> bool:
        return bool(await self._db.fetchval(_END, due.id, due.fence, state, message_ref, reason))

    async def waiting(self) -> Waiting:
        row = await self._db.one(_WAITING)
        return Waiting(row["number"], row["oldest_s"])

    async def note_move(self, old_chat_id: int, new_chat_id: int) -> None:
        """Telegram says that this group has another id now."""
        await self._db.execute(_MOVE, old_chat_id, new_chat_id)

    async def chat_now(self, chat_id: int) -> int:
        """The id of this chat today; private chats and channels keep theirs."""
        if chat_id >= 0:
            return chat_id
        found: int | None = await self._db.fetchval(_MOVED, chat_id)
        return chat_id if found is None else found
