"""What a wish would cost and under which conditions it would run: all that is decided before accepting.

Pure reading, apart from one thing: a file that the job is going to need is kept for longer.
"""

from dataclasses import dataclass
from uuid import UUID

from ledger.pricing import Pricing
from ops.base.clock import now
from producers.request import SubmitRequest, model_of, payload_of
from schemas.errors import InvalidInput, NotAllowed
from schemas.jobs import Kind
from schemas.payloads import AnyPayload, files_of
from schemas.plans import Plan, PlanName, Plans
from schemas.prices import Quote
from storage.files import LIFETIME, Files, StoredFile
from storage.free_space import FreeSpace
from storage.inspect import IMAGE_FORMATS, PDF, TEXT
from storage.users import Users

PICTURES = frozenset(IMAGE_FORMATS)
DOCUMENTS = frozenset({PDF, TEXT})


@dataclass(frozen=True, slots=True)
class Offer:
    payload: AnyPayload
    plan: Plan
    quote: Quote


class Offers:
    def __init__(
        self, users: Users, files: Files, *, plans: Plans, pricing: Pricing, space: FreeSpace
    ) -> None:
        self._users = users
        self._files = files
        self.plans = plans
        self.space = space
        self._pricing = pricing

    async def make(self, request: SubmitRequest) -> Offer:
        """Raises InvalidInput, NotAllowed or Missing, each with the narrowest code."""
        payload = payload_of(request)
        plan_name = await self._users.plan(request.user_id)
        plan = self.plans.plans[plan_name]
        self._check_model(payload, plan, plan_name)
        stored = [await self._file(request, payload, file_id) for file_id in files_of(payload)]
        pages = stored[0].facts.pages or None if stored else None
        return Offer(payload, plan, self._pricing.quote(payload, file_pages=pages))

    async def _file(self, request: SubmitRequest, payload: AnyPayload, file_id: UUID) -> StoredFile:
        """A file that the payload names: its owner's, of the right type, kept until it is used."""
        due = max(request.run_at or now(), now())
        stored = await self._files.get(request.user_id, file_id)
        wanted = DOCUMENTS if payload.kind is Kind.FILE_PROCESS else PICTURES
        if stored.facts.media_type not in wanted:
            raise InvalidInput("wrong_file_type", media_type=stored.facts.media_type)
        if stored.expires_at < due + LIFETIME / 2:
            await self._files.keep(request.user_id, file_id, until=due + LIFETIME)
        return stored

    def _check_model(self, payload: AnyPayload, plan: Plan, plan_name: PlanName) -> None:
        """An alias belongs to every plan; a model chosen by its own name to those that list it, or that
        list the name of old it answers for.
        """
        row = model_of(payload, self._pricing.models)
        if row is None or plan.allows(row.name) or plan.allows(getattr(payload, "model", "")):
            return
        raise NotAllowed("model_not_in_plan", model=row.name, plan=plan_name.value)
