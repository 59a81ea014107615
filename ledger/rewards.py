"""Bonuses for inviting and for joining: given once for each person, however often it is asked for."""

from dataclasses import dataclass
from typing import Final

from ledger.answers import again
from ledger.wallets import grant_op
from ops.base.logs import get_logger
from schemas.ids import derive_id
from schemas.plans import Grant, Plans, plans
from storage import ledger as sql
from storage.ledger import Answer, Credit
from storage.pool import Database

log = get_logger(__name__)

OK: Final = "ok"


@dataclass(frozen=True, slots=True)
class Given:
    """Whether each has the bonus now. False: a closed or a full wallet."""

    person: bool
    inviter: bool


class Rewards:
    def __init__(self, db: Database, facts: Plans | None = None) -> None:
        self._db = db
        self._grants = (facts or plans()).grants

    async def referral(self, user_id: int, *, inviter: int) -> Given:
        """To a newcomer and to who invited them, in one transaction. Raises Unavailable."""
        facts = self._grants.referral
        mine = _credit(user_id, facts.invitee)
        op = derive_id(inviter, facts.inviter.id, user_id)
        theirs = Credit(
            op, inviter, facts.inviter.currency, facts.inviter.units, facts.inviter.kind
        )
        answers = await self._give([mine, theirs], "invitation")
        codes = {answer.op: answer.code for answer in answers}
        return Given(codes[mine.op] == OK, codes[op] == OK)

    async def joined(self, user_id: int) -> Given:
        """For joining our channel. Raises Unavailable."""
        (answer,) = await self._give([_credit(user_id, self._grants.joined.bonus)], "joined")
        return Given(answer.code == OK, inviter=False)

    async def _give(self, credits_: list[Credit], note: str) -> list[Answer]:
        answers = await again(lambda: sql.credit_all(self._db, credits_, note=note, actor="system"))
        for answer in answers:
            if answer.code != OK:
                log.warning("reward.refused", op=str(answer.op), reason=answer.code)
        return answers


def _credit(user_id: int, grant: Grant) -> Credit:
    return Credit(grant_op(user_id, grant), user_id, grant.currency, grant.units, grant.kind)
