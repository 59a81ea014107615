"""What a person has chosen, with a default for each choice; and turns of work done once for all."""

import json
from dataclasses import asdict, dataclass, field, fields
from datetime import date
from typing import Any, Final

from schemas.errors import InvalidInput
from storage.pool import Database

_GET: Final = "select facts::text from app.preference where user_id = $1"
_CHANGE: Final = """
insert into app.preference (user_id, facts) values ($1, $2::text::jsonb)
on conflict (user_id) do update
   set facts = preference.facts || excluded.facts, changed_at = clock_timestamp()
returning facts::text
"""
_SUMMARIES: Final = "select user_id, day from app.claim_summaries($1, $2)"
_TURN: Final = """
insert into app.turn (name, next_at) values ($1, clock_timestamp() + make_interval(secs => $2))
on conflict (name) do update set next_at = excluded.next_at
 where turn.next_at <= clock_timestamp()
returning name
"""


@dataclass(frozen=True, slots=True)
class Preference:
    """`confirm_above_units`: what costs more is asked about first; None never asks, 0 always does.

    `models` is a model's name by modality (text, image, video …); a modality without one takes the
    plan's own. `style` is one of those of `text.improve`. `improve_prompts`: what is typed for a picture
    or a video is written anew first. `bot` is where the daily summary is sent.
    `toured` and `ai_notice`: the tour was given, and it was said that this is AI.
    """

    confirm_above_units: int | None = 100_000
    models: dict[str, str] = field(default_factory=dict)
    style: str = "correct"
    improve_prompts: bool = False
    daily_summary: bool = False
    bot: str = ""
    toured: bool = False
    ai_notice: bool = False


_NAMES: Final = frozenset(one.name for one in fields(Preference))


class Preferences:
    def __init__(self, db: Database) -> None:
        self._db = db

    async def of(self, user_id: int) -> Preference:
        """The defaults for somebody who never chose anything."""
        return _preference(await self._db.fetchval(_GET, user_id))

    async def change(self, user_id: int, **chosen: Any) -> Preference:
        """Set the named choices and keep the others. Raises InvalidInput for a name of no choice."""
        if unknown := set(chosen) - _NAMES:
            names = ", ".join(sorted(unknown))
            raise InvalidInput("invalid_input", field=names, problem=f"no such choice: {names}")
        return _preference(await self._db.fetchval(_CHANGE, user_id, json.dumps(chosen)))

    async def claim_summaries(self, *, hour: int, limit: int) -> list[tuple[int, date]]:
        """People to be told about yesterday, with today's date where they live; each once a day."""
        rows = await self._db.fetch(_SUMMARIES, hour, limit)
        return [(row["user_id"], row["day"]) for row in rows]


class Turns:
    """Work of which one process of the cluster does each round."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def take(self, name: str, *, every_s: float) -> bool:
        """True for one caller in each `every_s`; who dies over it is followed at the next round."""
        return await self._db.fetchval(_TURN, name, every_s) is not None


def _preference(stored: str | None) -> Preference:
    """Names of choices that this build does not know are left alone."""
    told: dict[str, Any] = json.loads(stored) if stored else {}
    return Preference(**{**asdict(Preference()), **{k: v for k, v in told.items() if k in _NAMES}})
