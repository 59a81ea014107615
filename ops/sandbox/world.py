"""All that the sandbox remembers while it runs, and the one way to sell something."""

from dataclasses import dataclass
from typing import Final
from uuid import uuid4

from starlette.requests import Request

from ops.base.clock import unix_s
from ops.base.nursery import Nursery
from ops.sandbox.callbacks import Callbacks
from ops.sandbox.calls import Call, CallLog
from ops.sandbox.faults import Faults
from ops.sandbox.journal import Journal, Purchase, TaskOrder
from ops.sandbox.limits import Gauge, Limits
from ops.sandbox.operations import Provider
from ops.sandbox.question import Question
from ops.sandbox.refusals import Refusal
from ops.sandbox.rules import Dial
from ops.sandbox.tasks import Task, Tasks, Timing
from ops.sandbox.visits import Visits

PROMPT_SHOWN: Final = 200
ACCOUNT_SHOWN: Final = 4


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that a client put at kie.ai's, until it expires (Unix seconds)."""

    name: str
    data: bytes
    expires: float


class World:
    """One of these for a server. Everything in it but the journal is gone when the process ends."""

    def __init__(self, journal: Journal, nursery: Nursery) -> None:
        self.journal = journal
        self.dial: Dial[Question] = Dial()
        self.calls = CallLog()
        self.gauge = Gauge()
        self.limits = Limits()
        self.tasks = Tasks(journal)
        self.callbacks = Callbacks(nursery, self.calls, self.tasks)
        self.uploads: dict[str, Upload] = {}
        self.visits = Visits()

    def resume(self) -> None:
        """Go on with what an earlier process had begun."""
        for task in self.tasks.unfinished():
            self.callbacks.expect(task)

    def log(self, question: Question, faults: Faults) -> Call:
        """Write down that this request came."""
        at = unix_s()
        return self.calls.add(
            at=at,
            direction="in",
            provider=question.place.provider.value,
            operation=question.place.operation.value,
            method=question.method,
            path=question.path,
            model=question.model,
            prompt=question.prompt[:PROMPT_SHOWN],
            reference=question.reference,
            faults=faults.told(),
            applied=faults.applied,
            too_early=self.calls.is_too_early(question.key, question.path, at),
        )

    def left_usd(self, provider: Provider) -> float:
        """What the account still has; without end where the provider keeps no balance."""
        balance = self.limits.balance_usd(provider)
        return float("inf") if balance is None else balance - self.journal.spent_usd(provider)

    async def reset(self) -> None:
        """As new: no orders, tasks, calls, rules and uploads; limits, timing and key as at the start.
        Requests and callbacks on their way are ended, so that none of them shows up after it.
        """
        await self.visits.end()
        self.callbacks.reset()
        self.journal.clear()
        self.tasks.clear()
        self.calls.clear()
        self.gauge.clear()
        self.uploads.clear()
        self.dial.set([])
        self.limits = Limits()
        self.tasks.timing = Timing()


@dataclass(frozen=True, slots=True)
class Order:
    """One request at the counter of a provider."""

    world: World
    question: Question
    faults: Faults
    call: Call
    base_url: str

    def buy(
        self,
        *,
        prefix: str,
        model: str,
        price_usd: float,
        task: TaskOrder | None = None,
    ) -> Purchase:
        """Take the order: after this it is in the journal. Raises Refusal 402 without the money."""
        provider = self.question.place.provider
        failing = task is not None and task.fate.ends != "success"
        charged = 0.0 if failing else price_usd
        if charged > self.world.left_usd(provider):
            raise Refusal(402, "payment_required", "Credits insufficient. Please top up.")
        purchase = Purchase(
            id=f"{prefix}{uuid4().hex}",
            at=unix_s(),
            provider=provider,
            operation=self.question.place.operation,
            model=model,
            price_usd=price_usd,
            charged_usd=charged,
            request_hash=self.question.digest,
            client_reference=self.question.reference,
            account=self.question.key[-ACCOUNT_SHOWN:],
            task=task,
        )
        self.world.journal.buy(purchase)
        self.call.bought = purchase.id
        return purchase

    def begin(self, *, prefix: str, model: str, price_usd: float, task: TaskOrder) -> Task:
        """Take an order whose result comes later."""
        purchase = self.buy(prefix=prefix, model=model, price_usd=price_usd, task=task)
        begun = self.world.tasks.add(purchase, task)
        self.world.callbacks.expect(begun)
        return begun


def order_of(request: Request) -> Order:
    """A dependency of every provider's route. Raises Refusal 401 without a key."""
    question: Question = request.state.question
    if not question.key or "invalid" in question.key:
        raise Refusal(401, "invalid_api_key", "Incorrect API key provided.")
    return Order(
        world=request.state.world,
        question=question,
        faults=request.state.faults,
        call=request.state.call,
        base_url=str(request.base_url).rstrip("/"),
    )
