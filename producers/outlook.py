"""Whether anybody would answer for a model now: what the workers have found out, read before the click.

Only a look, which may be wrong a moment later: the job itself finds out for good. Without Redis nothing is
known, and nothing is said.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ops.base.accounts import LOCAL, available, endpoints
from ops.base.clock import now
from ops.base.settings import Settings
from producers.request import SubmitRequest, payload_of
from schemas.catalogue import MODALITY_OF_KIND, Catalogue, catalogue
from schemas.errors import InvalidInput
from schemas.jobs import Kind
from schemas.models import Modality, Model
from schemas.payloads import PostPublish
from schemas.plans import PlanName
from storage.provider_board import Shown, account_of, key_mark, look
from storage.queue import REDIS_TROUBLE, Queue
from storage.users import Users

LOOK_MAX_S: Final = 0.5
MINUTE_S: Final = 60
_CHEAPER: Final = {"text.default": "text.cheap"}


@dataclass(frozen=True, slots=True)
class Away:
    """Nobody answers for `name` for about `wait_s`. `title`: of the model, empty for an alias.

    `instead`: an alias that somebody answers for, None when there is none.
    """

    name: str
    title: str
    wait_s: float
    instead: str | None

    @property
    def minutes(self) -> int:
        """`wait_s` for a person, at least one."""
        return max(1, -(-int(self.wait_s) // MINUTE_S))


class Outlook:
    """Every method may raise Unavailable."""

    def __init__(self, settings: Settings, queue: Queue, users: Users) -> None:
        self._settings = settings
        self._queue = queue
        self._users = users

    async def of(self, request: SubmitRequest) -> Away | None:
        """None: somebody answers, or nothing is known. Raises Refused for what cannot be asked."""
        payload = payload_of(request)
        if isinstance(payload, PostPublish) or not endpoints(self._settings):
            return None
        modality = MODALITY_OF_KIND[Kind(request.kind)]
        models, plan = self._models(), await self._users.plan(request.user_id)
        wait_s = await self._wait_s(models, payload.model, modality, plan)
        if wait_s is None:
            return None
        usual = str(type(payload).model_fields["model"].default)
        alias = models.is_alias(payload.model)
        instead = usual if not alias else _CHEAPER.get(payload.model)
        if instead is not None and await self._wait_s(models, instead, modality, plan) is not None:
            instead = None
        row = None if alias else models.resolve(payload.model, modality)
        return Away(payload.model, row.title if row else "", wait_s, instead)

    async def away(self, rows: Sequence[Model]) -> dict[str, Shown]:
        """Those of these that nobody is asked for now, by name, with the reason and the time."""
        found: dict[str, Shown] = {}
        for provider, endpoint in endpoints(self._settings).items():
            mine = [row for row in rows if row.provider == provider]
            if not mine:
                continue
            try:
                async with asyncio.timeout(LOOK_MAX_S):
                    account = account_of(provider, key_mark(endpoint.api_key))
                    found |= await look(self._queue, account, mine)
            except REDIS_TROUBLE as error:
                self._queue.count_error(error, "outlook")
        return {name: shown for name, shown in found.items() if shown.away}

    async def _wait_s(
        self, models: Catalogue, name: str, modality: Modality, plan: PlanName
    ) -> float | None:
        """Until the first of who may answer is asked again; None when one of them is asked now."""
        try:
            rows = models.candidates(name, modality, plan=plan)
        except InvalidInput:
            return None  # the intake says what is wrong with it
        if any(row.provider == LOCAL for row in rows):
            return None
        away = await self.away(rows)
        if any(row.name not in away for row in rows):
            return None
        return min(shown.wait_s for shown in away.values())

    def _models(self) -> Catalogue:
        return catalogue().bound(available(self._settings), lambda: now().date())
