"""Everything that we hold of one person's words, opened, a page at a time: for the copy they may take along.

What a page holds is bounded by its rows, so a copy of any length is read in little memory. What cannot be
opened (its key version is gone) is named with null in its place and stops nothing.
"""

import json
from collections.abc import AsyncIterator
from typing import Any, Final
from uuid import UUID

from storage.crypto import CONTENT, PAYLOAD, RESULT, DataKey, Keys, Unreadable
from storage.pool import Database, Row

PAGE: Final = 50
Fact = dict[str, Any]
FIRST: Final = UUID(int=0)

_JOBS: Final = """
select j.id, j.key, j.kind, j.app, j.state::text, j.price as price_units,
       j.captured as captured_units, j.code, j.attempt as attempts, j.created_at, j.started_at,
       j.finished_at, j.run_at, j.cancel_requested_at, j.replay_of, j.payload, j.result,
       m.class as blocked, p.code as project
  from work.job j left join work.moderation m on m.job_id = j.id
  left join app.project p on p.user_id = j.user_id and p.job_id = j.id
 where j.user_id = $1 and j.id > $2 order by j.id limit $3
"""
_TURNS: Final = """
select t.job_id as id, t.bot, t.chat_id, t.said_at, t.said, j.result
  from app.talk_turn t left join work.job j on j.id = t.job_id
 where t.user_id = $1 and t.job_id > $2 order by t.job_id limit $3
"""
_WISHES: Final = """
select id, bot, chat_id, app, kind, why, created_at, dropped_at, job_id, input
  from app.wish where user_id = $1 and id > $2 order by id limit $3
"""
_FILES: Final = """
select id, media_type, size_bytes, created_at, expires_at from app.file
 where user_id = $1 and expires_at > clock_timestamp() and id > $2 order by id limit $3
"""
_ORDERS: Final = """
select id, bot_id, kind::text, name, stars, units, created_at from app.star_order
 where user_id = $1 and id > $2 order by id limit $3
"""
_PAYMENTS: Final = """
select id, charge_id, order_id, stars, currency, recurring, state::text, reason, at,
       renewal_stopped_at
  from app.star_payment where user_id = $1 and id > $2 order by id limit $3
"""
SEALED: Final = {"payload": PAYLOAD, "result": RESULT, "input": PAYLOAD}
"""Columns that hold sealed JSON, and what they were sealed for."""


class Copies:
    """Each method reads all there is, in the order of the ids. Raises Unavailable."""

    def __init__(self, db: Database, keys: Keys) -> None:
        self._db = db
        self._keys = keys

    def jobs(self, user_id: int) -> AsyncIterator[Fact]:
        """With what was asked and what came of it, as long as both are kept."""
        return self._read(_JOBS, user_id)

    def turns(self, user_id: int) -> AsyncIterator[Fact]:
        """What was said in every chat with every bot, and the answer, as long as it is kept."""
        return self._read(_TURNS, user_id)

    def wishes(self, user_id: int) -> AsyncIterator[Fact]:
        """What was asked and waits, or waited, for a word or for credits."""
        return self._read(_WISHES, user_id)

    def files(self, user_id: int) -> AsyncIterator[Fact]:
        """What they sent: facts; `Files.load` has the bytes."""
        return self._read(_FILES, user_id)

    def orders(self, user_id: int) -> AsyncIterator[Fact]:
        return self._read(_ORDERS, user_id)

    def payments(self, user_id: int) -> AsyncIterator[Fact]:
        return self._read(_PAYMENTS, user_id)

    async def _read(self, statement: str, user_id: int) -> AsyncIterator[Fact]:
        key, after = await self._keys.of(user_id), FIRST
        while rows := await self._db.fetch(statement, user_id, after, PAGE):
            for row in rows:
                yield _opened(row, key)
            after = rows[-1]["id"]


def _opened(row: Row, key: DataKey) -> Fact:
    told: Fact = {}
    for name, value in row.items():
        if name in SEALED:
            told[name] = json.loads(opened) if (opened := _open(key, value, SEALED[name])) else None
        elif name == "said":
            opened = _open(key, value, CONTENT)
            told[name] = opened.decode() if opened is not None else None
        else:
            told[name] = value
    return told


def _open(key: DataKey, sealed: bytes | None, purpose: str) -> bytes | None:
    if sealed is None:
        return None
    try:
        return key.decrypt(sealed, purpose=purpose)
    except Unreadable:
        return None
