"""Random calls from many connections at once: producers, workers, zombies, crashes and sweepers.

While it runs both books are checked again and again in one snapshot; at the end everything is
drained and counted.
The seed is printed; `--seed` repeats a run as far as the scheduler allows.
"""

import asyncio
import random
from collections import Counter
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from schemas.errors import Unavailable
from schemas.jobs import TRANSITIONS, Kind, Priority, State
from storage.calls import Calls, ProviderCall
from storage.gifts import Gift, Gifts
from storage.jobs import NewJob, Started, Submitted
from storage.pool import Database
from tests.rig import KINDS, Rig, job, success, violations

RECORD_MOVES = """
create table public.move (was work.state, becomes work.state, primary key (was, becomes));
create function public.note_move() returns trigger language plpgsql as $$
begin
  insert into public.move values (old.state, new.state) on conflict do nothing;
  return null;
end $$;
create trigger note_move after update of state on work.job for each row
  when (old.state <> new.state) execute function public.note_move();
grant insert, select on public.move to leyden_app;
"""
# What a sweep has ended although it may have been bought: without a look, before a told look began,
# or while one was at it for less than a lease.
RECORD_LOOKS = """
create table public.cut_short (job uuid, state work.state, last_look boolean);
create function public.note_end() returns trigger language plpgsql as $$
declare
  lease interval := make_interval(secs => {lease_s});
  lawful boolean;
begin
  if current_query() like '%work.sweep%' then
    lawful := case when old.state = 'running' and old.last_look
                   then least(old.lease_until, old.due_at + lease) <= clock_timestamp()
                   when old.state = 'running' then old.deadline + lease <= clock_timestamp()
                   else false end;
    if not lawful then
      insert into public.cut_short values (old.id, old.state, old.last_look);
    end if;
  end if;
  return null;
end $$;
create trigger note_end after update of state on work.job for each row
  when (new.code = 'overdue' and (old.intent_at is not null or old.remote_ref is not null))
  execute function public.note_end();
create function public.hasten() returns trigger language plpgsql as $$
begin
  new.deadline := clock_timestamp() + interval '20 ms';
  return new;
end $$;
create trigger hasten before update on work.job for each row
  when (old.deadline is null and new.deadline is not null and new.limit_s = 1)
  execute function public.hasten();
grant insert on public.cut_short to leyden_app;
"""
DUE_AT_ONCE = """
create function public.hurry() returns trigger language plpgsql as $$
begin
  if new.late_at is not null then
    new.late_at := clock_timestamp();
  end if;
  return new;
end $$;
create trigger hurry before update on work.provider_call for each row execute function public.hurry();
"""
PEOPLE = 6
ACTORS = 8
LEASE_S = 0.05


@dataclass
class World:
    rig: Rig
    random: random.Random
    accepted: dict[UUID, NewJob] = field(default_factory=dict)
    told: dict[UUID, set[int]] = field(default_factory=dict)
    hands: list[Started] = field(default_factory=list)
    asked: list[NewJob] = field(default_factory=list)
    calls: Counter[str] = field(default_factory=Counter)
    given: set[UUID] = field(default_factory=set)

    def live_job(self) -> UUID | None:
        """Most often a recent one: old ones have ended."""
        recent = list(self.accepted)[-40:]
        return self.random.choice(recent) if recent else None

    def some_job(self) -> UUID | None:
        return self.random.choice(list(self.accepted)) if self.accepted else None


def new(world: World) -> NewJob:
    r = world.random
    if world.asked and r.random() < 0.1:
        return r.choice(world.asked)  # a request that is sent again
    made = job(
        r.randint(1, PEOPLE),
        kind=r.choice([Kind.TEXT_IMPROVE, Kind.IMAGE_GENERATE, Kind.VIDEO_GENERATE]),
        priority=r.choice([Priority.HIGH, Priority.NORMAL, Priority.LOW]),
        price_units=r.choice([0, 10_000, 20_000, 50_000]),
        spend_order=r.choice([(1,), (2, 1)]),
        daily_limit=r.choice([-1, -1, 40]),
        max_tries=r.choice([2, 6]),
        limit_s=r.choice([1, 600]),
        reply=r.choice(["pull", "telegram:1"]),
    )
    world.asked.append(made)
    return made


def note(world: World, asked: NewJob, answer: Submitted) -> None:
    world.calls[f"submit {answer.code}"] += 1
    if answer.code in {"ok", "replay"}:
        assert answer.job_id == asked.id
        world.accepted[asked.id] = asked


async def submit(world: World) -> None:
    if world.random.random() < 0.5:
        asked = new(world)
        note(world, asked, await world.rig.jobs.submit(asked))
        return
    many = list({j.id: j for j in (new(world) for _ in range(world.random.randint(2, 6)))}.values())
    for asked, answer in zip(many, await world.rig.jobs.submit_many(many), strict=True):
        note(world, asked, answer)


async def start(world: World) -> None:
    alone = world.random.random() < 0.3
    ids = list({i for i in (world.live_job() for _ in range(world.random.choice([1, 1, 4]))) if i})
    if not ids:
        return
    options: dict[str, Any] = {"worker": "w", "lease_s": LEASE_S, "kinds": KINDS, "alone": alone}
    if len(ids) == 1:
        answer = await world.rig.jobs.start(ids[0], uuid4(), **options)
    else:
        answer = await world.rig.jobs.start_many([(i, uuid4()) for i in ids], **options)
    assert {s.job_id for s in answer.jobs} == set(ids)
    for started in answer.jobs:
        world.calls[f"start {started.code}"] += 1
        if started.code == "ok":
            world.hands.append(started)


def hand(world: World) -> Started | None:
    """A run in hand, most often dropped afterwards: the others become zombies and repeated calls."""
    if not world.hands:
        return None
    started = world.random.choice(world.hands)
    if world.random.random() < 0.8:
        world.hands.remove(started)
    return started


async def succeed(world: World) -> None:
    runs = {s.job_id: s for s in (hand(world) for _ in range(world.random.choice([1, 1, 3]))) if s}
    if not runs:
        return
    wanted = [
        success(s.job_id, s.attempt, world.random.choice([0, 5_000, 10**6])) for s in runs.values()
    ]
    if len(wanted) == 1:
        ended = [(await world.rig.jobs.succeed(wanted[0]))[0]]
    else:
        ended, _ = await world.rig.jobs.succeed_many(wanted)
    for run, end in zip(runs.values(), ended, strict=True):
        world.calls[f"succeed {end.code}"] += 1
        if end.code == "ok":
            world.told.setdefault(run.job_id, set()).add(run.attempt)


async def finish_otherwise(world: World) -> None:
    run = hand(world)
    if run is None:
        return
    jobs, r = world.rig.jobs, world.random
    match r.choice(["fail", "retry", "hand back", "park", "bury", "cancel", "renew", "intend"]):
        case "fail":
            code, _ = await jobs.fail(run.job_id, run.attempt, "provider_refused")
        case "retry":
            code, _ = await jobs.retry(
                run.job_id, run.attempt, delay_s=r.choice([0, 0.02]), code="x"
            )
        case "hand back":
            code, _ = await jobs.retry(run.job_id, run.attempt, delay_s=0, code="x", counted=False)
        case "park":
            code, _ = await jobs.park(run.job_id, run.attempt, delay_s=0.01, remote_ref="task")
        case "bury":
            code, _ = await jobs.bury(run.job_id, run.attempt, deaths_max=3)
        case "cancel":
            code, _ = await jobs.cancel(run.job_id, run.user_id)
        case "renew":
            code = str(len(await jobs.renew([(run.job_id, run.attempt)], lease_s=LEASE_S)))
        case _:
            code = await buy(world, run)
    world.calls[f"end {code}"] += 1


async def buy(world: World, run: Started) -> str:
    """Announced; then its task is noted, its end is written, or nothing more is heard of it."""
    calls, r = Calls(world.rig.db), world.random
    call = ProviderCall(uuid4(), "kie", "m")
    code = str(await calls.announce(call, run.job_id, run.attempt))
    if r.random() < 0.6:
        code = await calls.note_task(call.id, run.job_id, run.attempt, call.id.hex)
    if r.random() < 0.4:
        sold = r.random() < 0.7
        outcome = "ok" if sold else "rate_limited"
        await calls.close(call.id, run.job_id, run.attempt, outcome=outcome, sold=sold)
    if r.random() < 0.5:
        code, _ = await world.rig.jobs.fail(run.job_id, run.attempt, "overdue")
    return code


async def look_late(world: World) -> None:
    """What the house has ended is looked for; some of it is there."""
    gifts, r = Gifts(world.rig.db), world.random
    due = await gifts.claim(lease_s=0.0)
    if due is None:
        return
    match r.choice(["give", "postpone", "drop", "hear"]):
        case "give":
            given = await gifts.give(Gift(due.job_id, due.call.id, b"late", 1, None))
            world.calls[f"give {given.code}"] += 1
            assert given.code in {"ok", "given"}
            if given.code == "ok":
                assert due.job_id not in world.given
                world.given.add(due.job_id)
        case "postpone":
            await gifts.postpone(due.call.id, delay_s=0.0)
        case "drop":
            await gifts.drop(due.call.id)
        case _:
            await Calls(world.rig.db).hear(due.call.id, None)


async def cancel(world: World) -> None:
    if (job_id := world.some_job()) is not None:
        await world.rig.jobs.cancel(job_id, world.accepted[job_id].user_id)


async def sweep(world: World) -> None:
    for what, _ in await world.rig.sweep(lease_s=LEASE_S):
        world.calls[f"sweep {what}"] += 1


async def act(world: World, steps: int) -> None:
    moves = [
        submit,
        submit,
        *[start] * 6,
        *[succeed] * 3,
        *[finish_otherwise] * 2,
        cancel,
        sweep,
        look_late,
    ]
    for _ in range(steps):
        try:
            await world.random.choice(moves)(world)
        except Unavailable as error:
            cause = error.__cause__
            pytest.fail(f"{cause!r} {getattr(cause, 'detail', '')} {getattr(cause, 'context', '')}")


async def watch(owner: "asyncpg.Connection[Any]", done: asyncio.Event) -> int:
    checks = 0
    while not done.is_set():
        assert await violations(owner) == []
        checks += 1
        await asyncio.sleep(0.02)
    return checks


async def drain(world: World) -> None:
    """No more trouble: everything accepted must end."""
    for _ in range(400):
        await world.rig.sweep(lease_s=LEASE_S)
        rows = await world.rig.owner.fetch(
            "select id, suspect from work.job where due_at is not null"
        )
        if not rows:
            return
        for row in rows:
            started = await world.rig.start(row["id"], alone=row["suspect"], lease_s=5)
            if started.code == "ok":
                code, _ = await world.rig.succeed(started)
                assert code == "ok"
                world.told.setdefault(row["id"], set()).add(started.attempt)
        await asyncio.sleep(0.01)
    pytest.fail("some accepted jobs never ended")


async def check_the_end(world: World) -> None:
    owner = world.rig.owner
    assert await violations(owner) == []
    rows = {row["id"]: row for row in await owner.fetch("select * from work.job")}
    assert set(rows) == set(world.accepted)
    assert all(State(row["state"]).ended for row in rows.values())
    succeeded = {i for i, row in rows.items() if row["state"] == "succeeded"}
    assert succeeded == set(world.told)
    for job_id, attempts in world.told.items():
        assert attempts == {rows[job_id]["attempt"]}, (
            "two attempts were told that they had succeeded"
        )
    captures = await owner.fetch(
        "select op, -amount as units from ledger.transfer where kind = 'capture'"
    )
    assert {c["op"]: c["units"] for c in captures} == {
        i: row["captured"] for i, row in rows.items() if row["captured"] > 0
    }
    assert await owner.fetchval("select count(*) from ledger.hold where state = 'open'") == 0
    assert await owner.fetchval("select sum(held)::bigint from ledger.account") == 0
    told = await owner.fetchval("select count(*) from work.delivery")
    assert told == len(rows) + len(world.given)
    for job_id in world.given:
        row = rows[job_id]
        assert (str(row["state"]) in {"failed", "dead"}, row["captured"]) == (True, 0)
        assert row["result"] == b"late"
    for move in await owner.fetch("select was, becomes from public.move"):
        assert State(move["becomes"]) in TRANSITIONS[State(move["was"])], move
    assert await owner.fetch("select * from public.cut_short") == []
    deadlocks = "select deadlocks from pg_stat_database where datname = current_database()"
    assert await owner.fetchval(deadlocks) == 0


async def test_random_calls_keep_every_promise(dsn: str, seed: int, long_form: bool) -> None:
    db = await Database.open(dsn, size=ACTORS)
    owner, watcher = await asyncpg.connect(dsn), await asyncpg.connect(dsn)
    world = World(Rig(owner, db), random.Random(seed))
    for person in range(1, PEOPLE + 1):
        await world.rig.person(
            person,
            credits_=world.random.choice([20, 300]),
            batv=5,
            cap=person % 3 + 1,
            waiting_max=6,
        )
    await owner.execute(RECORD_MOVES + RECORD_LOOKS.format(lease_s=LEASE_S) + DUE_AT_ONCE)
    done = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        watching = group.create_task(watch(watcher, done))
        actors = [group.create_task(act(world, 1500 if long_form else 150)) for _ in range(ACTORS)]
        await asyncio.wait(actors)
        done.set()
    await drain(world)
    await check_the_end(world)
    assert watching.result() > 5
    print(
        f"seed {seed}: {len(world.accepted)} jobs, {watching.result()} checks, {dict(world.calls)}"
    )
    await db.close()
    await owner.close()
    await watcher.close()
