"""What an alias stands for: decided by the plan a job was accepted on, the same for its quote and its run."""

from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID

import pytest
import pytest_asyncio
from pydantic import SecretStr

from ledger.pricing import Pricing
from ops.base.accounts import available
from ops.base.clock import now
from schemas.catalogue import Catalogue, catalogue
from schemas.jobs import Kind, Lane, Priority, stream_number
from schemas.payloads import TextGenerate, TextImprove
from schemas.plans import PlanName, plans
from schemas.results import TextImproved
from storage.streams import Entry
from tests.ring import MASTER_KEY, Ring
from workers.app import WorkerApp
from workers.runtime.hand import Held
from workers.tasks.context import TaskContext
from workers.tasks.registry import Task

KINDS = ("text.improve:1",)
KEYS: tuple[dict[str, str], ...] = (
    {},
    {"openrouter": "any"},
    {"openai": "any"},
    {"openrouter": "any", "kie": "any"},
)


@pytest_asyncio.fixture
async def ring(dsn: str, redis_url: str, tmp_path: Path) -> AsyncIterator[Ring]:
    made = await Ring.open(dsn, redis_url, tmp_path)
    yield made
    await made.close()


async def answered_by(ring: Ring, *, stream: int, ann: int) -> str:
    """The row that a run of a job from this stream would ask first, for `text.default`."""
    seen: list[str] = []

    async def look(payload: TextImprove, ctx: TaskContext) -> TextImproved:
        seen.append(ctx.providers.text("text.default").model.name)
        return TextImproved(provider="local", model="local-text", made_by="us", text=payload.text)

    tasks = {Kind.TEXT_IMPROVE: Task(Kind.TEXT_IMPROVE, look)}
    app = await WorkerApp.open(ring.settings, master_key=MASTER_KEY, tasks=tasks)
    job_id: UUID = await ring.submit(ann, "a text", stream=stream)
    held = Held(Entry(stream, b"1-1", job_id, "text.improve", ""))
    answer = await ring.jobs.start(job_id, held.token, worker="w", lease_s=60, kinds=KINDS)
    await app.pipeline.run(held, answer.jobs[0])
    await app.close()
    assert await ring.state(job_id) == "succeeded"
    return seen[0]


@pytest.mark.parametrize("keys", KEYS, ids=lambda keys: "+".join(keys) or "none")
@pytest.mark.parametrize("plan", list(PlanName))
async def test_a_run_asks_whom_the_plan_of_its_stream_names(
    ring: Ring, plan: PlanName, keys: dict[str, str]
) -> None:
    told = {f"{name}_api_key": SecretStr(key) for name, key in keys.items()}
    ring.settings = ring.settings.model_copy(update=told)
    book = bound(ring)
    wanted = book.candidates("text.default", "text", plan=plan)[0].name
    stream = stream_number(Lane.TEXT, plans().plans[plan].stream_priority)
    assert await answered_by(ring, stream=stream, ann=await ring.person()) == wanted


async def test_a_job_that_runs_alone_is_asked_for_by_its_owners_plan(ring: Ring) -> None:
    """It has left the stream of its plan for the one of suspects."""
    ring.settings = ring.settings.model_copy(update={"openrouter_api_key": SecretStr("any")})
    ann = await ring.person()
    await ring.owner.execute("update app.user_account set plan = 'ENTERPRISE' where id = $1", ann)
    alone = stream_number(Lane.TEXT, Priority.SUSPECT)
    wanted = bound(ring).candidates("text.default", "text", plan=PlanName.ENTERPRISE)[0].name
    assert await answered_by(ring, stream=alone, ann=ann) == wanted


@pytest.mark.parametrize("keys", KEYS, ids=lambda keys: "+".join(keys) or "none")
async def test_quote_and_run_mean_the_same_row(ring: Ring, keys: dict[str, str]) -> None:
    """A name means one row on both sides, on every plan; an alias costs the tariff whoever answers."""
    told = {f"{name}_api_key": SecretStr(key) for name, key in keys.items()}
    ring.settings = ring.settings.model_copy(update=told)
    app = await WorkerApp.open(ring.settings, master_key=MASTER_KEY)
    quoting = Pricing.current(bound(ring))
    assert [row.name for row in app.providers.book.models] == [
        r.name for r in quoting.models.models
    ]
    compared = 0
    for row in catalogue().models:
        if not row.serves("text"):
            continue
        payload = TextGenerate(prompt="tides", pages=1, model=row.name)
        try:
            quoted = quoting.models.resolve(row.name, "text")
        except Exception as error:
            for plan in PlanName:
                with pytest.raises(Exception, match=getattr(error, "code", "?")):
                    app.providers.for_plan(plan).text(row.name)
            continue
        compared += 1
        assert {app.providers.for_plan(p).text(row.name).model.name for p in PlanName} == {
            quoted.name
        }
        ran = app.pipeline._ports.pricing
        assert ran.quote(payload).price_units == quoting.quote(payload).price_units
    assert compared > 0
    prices = {quoting.quote(TextGenerate(prompt="t", pages=1, model="text.default")).price_units}
    assert prices == {10_000}
    await app.close()


def bound(ring: Ring) -> Catalogue:
    """The catalogue as the side that quotes has it."""
    return catalogue().bound(available(ring.settings), lambda: now().date())
