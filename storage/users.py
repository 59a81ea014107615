"""People: one internal id, many outside names, one key, one plan.

A first contact makes everything a person needs in one transaction, with the sign-up grants; however
many processes meet that person at once, one account is the answer to all of them.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from schemas.errors import InvalidInput, Missing
from schemas.ids import derive_id
from schemas.plans import Grant, PlanName, Plans
from schemas.texts import languages
from storage.batch import Batch
from storage.crypto import FIRST_KEY_VERSION, Keys
from storage.pool import Database

PROVIDERS: Final = frozenset({"telegram", "penora", "imagegene", "viaizer", "text_ai", "dev"})
_EXTERNAL_ID: Final = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._@+-]{0,63}\Z")

_FIND = "select user_id from app.identity where provider = $1 and external_id = $2"
_NEXT_ID = "select nextval('app.user_id')"
_ENSURE = """
select user_id, created
  from app.ensure_person($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14,$15)
"""
_GET = """
select a.id, a.status::text, a.plan, a.language, a.time_zone, a.created_at,
       w.used_bytes, w.limit_bytes
  from app.user_account a join app.workspace w on w.user_id = a.id where a.id = $1
"""
_PLAN = "select plan from app.user_account where id = $1"
_RETURNED = "select returned from app.user_account where id = $1"
_STAYED = """
select id from app.user_account
 where id > $1 and status = 'active' and not returned order by id limit $2
"""
_PLANS = "select id, plan from app.user_account where id = any ($1)"
_NAMES = "select provider, external_id from app.identity where user_id = $1 order by created_at"
_SET_LANGUAGE = "update app.user_account set language = $2 where id = $1 and status <> 'erased'"
_SET_ZONE = "update app.user_account set time_zone = $2 where id = $1 and status <> 'erased'"
_NUMBERED = """
select external_id from app.identity
 where provider = $1 and external_id like $2 || '-%' order by created_at
"""


@dataclass(frozen=True, slots=True)
class SignUp:
    """What a new person gets. `caps` is the in-flight cap per lane, by lane number."""

    plan: PlanName
    storage_bytes: int
    caps: tuple[int, ...]
    waiting_max: int
    grants: tuple[Grant, ...]

    @classmethod
    def of(cls, facts: Plans, *, waiting_max: int) -> "SignUp":
        """The terms of the plan that costs nothing, with the grants of a first day."""
        free = facts.plans[PlanName.FREE]
        grants = facts.grants.signup
        return cls(PlanName.FREE, free.storage_bytes, free.caps, waiting_max, grants)


@dataclass(frozen=True, slots=True)
class Met:
    user_id: int
    created: bool


@dataclass(frozen=True, slots=True)
class Account:
    """`status`: active, suspended, erasing, erased."""

    user_id: int
    status: str
    plan: str
    language: str
    time_zone: str
    created_at: datetime
    used_bytes: int
    limit_bytes: int


class Users:
    def __init__(self, db: Database, keys: Keys, sign_up: SignUp) -> None:
        self._db = db
        self._keys = keys
        self._sign_up = sign_up
        self._plans: Batch[int, str | None] = Batch(
            self._find_plans, single=self._find_plan, call="plan"
        )

    async def find(self, provider: str, external_id: str) -> int | None:
        """The internal id behind an outside name."""
        found: int | None = await self._db.fetchval(_FIND, provider, external_id)
        return found

    async def ensure(self, provider: str, external_id: str, *, language: str = "en") -> Met:
        """Find this person, or make them. Raises InvalidInput for a name that cannot be one.

        Somebody who was erased and comes back is a new person without the gifts of a first day.
        After Unavailable the same call may be repeated: the name is found then.
        """
        check_name(provider, external_id)
        known = await self.find(provider, external_id)
        if known is not None:
            return Met(known, created=False)
        user_id = await self._db.fetchval(_NEXT_ID)
        row = await self._db.one(_ENSURE, *self._terms(user_id, provider, external_id, language))
        return Met(row["user_id"], created=row["created"])

    async def get(self, user_id: int) -> Account:
        """Raises Missing `no_account`."""
        row = await self._db.fetchrow(_GET, user_id)
        if row is None:
            raise Missing("no_account")
        return Account(*row.values())

    async def has_returned(self, user_id: int) -> bool:
        """This person was erased before and came back. Raises Missing `no_account`."""
        returned: bool | None = await self._db.fetchval(_RETURNED, user_id)
        if returned is None:
            raise Missing("no_account")
        return returned

    async def stayed(self, *, after: int = 0, limit: int = 1_000) -> list[int]:
        """Active people by id, without those who were erased before and came back."""
        return [row["id"] for row in await self._db.fetch(_STAYED, after, limit)]

    async def plan(self, user_id: int) -> PlanName:
        """The plan as of now. Raises Missing `no_account`."""
        name = await self._plans(user_id)
        if name is None:
            raise Missing("no_account")
        return PlanName(name)

    async def _find_plan(self, user_id: int) -> str | None:
        name: str | None = await self._db.fetchval(_PLAN, user_id)
        return name

    async def _find_plans(self, user_ids: Sequence[int]) -> list[str | None]:
        rows = await self._db.fetch(_PLANS, list(user_ids))
        names: dict[int, str] = {row["id"]: row["plan"] for row in rows}
        return [names.get(user_id) for user_id in user_ids]

    async def names(self, user_id: int) -> list[tuple[str, str]]:
        """Every (provider, external id) of a person, oldest first."""
        return [
            (row["provider"], row["external_id"]) for row in await self._db.fetch(_NAMES, user_id)
        ]

    async def set_language(self, user_id: int, language: str) -> None:
        """One of `schemas.texts.languages()`. Raises InvalidInput."""
        if language not in languages():
            raise InvalidInput("invalid_input", field="language", problem="no such language")
        await self._db.execute(_SET_LANGUAGE, user_id, language)

    async def set_zone(self, user_id: int, zone: str) -> None:
        """A name such as `Europe/Moscow`. Raises InvalidInput for one that nobody knows."""
        try:
            known = ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            # OSError: a name that is a folder of the zones
            raise InvalidInput(
                "invalid_input", field="time_zone", problem="no such time zone"
            ) from error
        await self._db.execute(_SET_ZONE, user_id, known.key)

    async def next_free(self, provider: str, stem: str) -> str:
        """`demo` -> `demo-3` when demo-1 and demo-2 are taken. Two callers may get the same one."""
        rows = await self._db.fetch(_NUMBERED, provider, stem)
        tails = [row["external_id"].removeprefix(f"{stem}-") for row in rows]
        return f"{stem}-{max([int(tail) for tail in tails if tail.isdigit()], default=0) + 1}"

    def _terms(
        self, user_id: int, provider: str, external_id: str, language: str
    ) -> Sequence[object]:
        terms = self._sign_up
        return (
            user_id,
            provider,
            external_id,
            language,
            FIRST_KEY_VERSION,
            self._keys.new_wrapped(user_id),
            terms.plan.value,
            terms.storage_bytes,
            list(terms.caps),
            terms.waiting_max,
            [derive_id(user_id, grant.id) for grant in terms.grants],
            [grant.currency.number for grant in terms.grants],
            [grant.units for grant in terms.grants],
            [grant.kind for grant in terms.grants],
            self._keys.master.marks(provider, external_id),
        )


def check_name(provider: str, external_id: str) -> None:
    """Raises InvalidInput `invalid_input` unless this can be somebody's outside name."""
    if provider not in PROVIDERS or not _EXTERNAL_ID.match(external_id):
        raise InvalidInput(
            "invalid_input", field="user", problem="this cannot be the name of a person"
        )
