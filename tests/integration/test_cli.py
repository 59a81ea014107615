"""The command line: short words, honest exit codes, one line for what is wrong, no traceback."""

import stat
from pathlib import Path
from uuid import uuid4

import pytest

from ops import samples
from ops.cli.submission import parse_operation, parse_option
from ops.stack import StackHandle
from schemas.errors import InvalidInput
from tests.e2e.processes import answer, leyden

KEY = "A" * 43 + "="


def stores(dsn: str, redis_url: str) -> dict[str, str]:
    return {
        "LEYDEN_DATABASE_URL": dsn,
        "LEYDEN_REDIS_URL": redis_url,
        "LEYDEN_MASTER_KEY": KEY,
    }


def test_help_names_every_command(tmp_path: Path) -> None:
    done = leyden(tmp_path, "--help")
    assert done.returncode == 0
    for name in (
        *("demo", "up", "api", "worker", "migrate", "status"),
        *("jobs", "dead", "lanes", "ledger", "doctor"),
    ):
        assert name in done.stdout


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("LEYDEN_LEASE_S", "0"),
        ("LEYDEN_DATABASE_URL", "mysql://x"),
        ("LEYDEN_MASTER_KEY", "short"),
        ("LEYDEN_PORT", "99999"),
    ],
)
def test_a_wrong_setting_is_one_line_that_names_it(
    tmp_path: Path, setting: str, value: str
) -> None:
    done = leyden(tmp_path, "status", **{setting: value})
    assert done.returncode == 2
    assert done.stdout == ""
    assert setting in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_database_that_does_not_answer_is_one_line(tmp_path: Path, redis_url: str) -> None:
    nowhere = stores("postgres://nobody@127.0.0.1:1/nothing", redis_url)
    done = leyden(tmp_path, "jobs", "list", **nowhere)
    assert done.returncode == 1
    assert "unavailable" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_job_of_ones_own_file_waits_and_saves(tmp_path: Path, dsn: str, redis_url: str) -> None:
    mine = tmp_path / "my.jpg"
    mine.write_bytes(samples.photo())
    words = ("jobs", "submit", "--kind", "image.edit", "--file", str(mine), "--json")
    done = leyden(
        tmp_path, *words, "--op", "sharpen", "--op", "resize:width=300", **stores(dsn, redis_url)
    )
    body = answer(done)
    assert (body["state"], body["captured"]) == ("succeeded", 30_000)
    (saved,) = body["files"]
    assert Path(saved).stat().st_size > 1_000
    assert tmp_path / "data" / "out" / "me" in Path(saved).parents
    shown = leyden(tmp_path, "jobs", "show", body["id"], "--json", **stores(dsn, redis_url))
    assert answer(shown)["deliveries"] == ["pull sent"]


def test_a_job_without_waiting_can_be_cancelled(tmp_path: Path, dsn: str, redis_url: str) -> None:
    to = stores(dsn, redis_url)
    words = ("jobs", "submit", "--kind", "text.improve", "--text", "helo", "--no-wait", "--json")
    job = answer(leyden(tmp_path, *words, **to))["id"]
    listed = answer(leyden(tmp_path, "jobs", "list", "--user", "me", "--json", **to))
    assert [(line["id"], line["state"]) for line in listed] == [(job, "queued")]
    by_id = ("--user", str(listed[0]["user"]), "--json")
    assert answer(leyden(tmp_path, "jobs", "list", *by_id, **to)) == listed
    cancelled = leyden(tmp_path, "jobs", "cancel", job, "--json", **to)
    assert answer(cancelled) == {"id": job, "cancel": "cancelled"}
    table = leyden(tmp_path, "jobs", "list", **to)
    assert "cancelled" in table.stdout


def test_an_operator_sees_what_the_house_paid(tmp_path: Path, dsn: str, redis_url: str) -> None:
    to = stores(dsn, redis_url)
    words = ("jobs", "submit", "--kind", "text.improve", "--text", "helo", "--no-wait", "--json")
    job = answer(leyden(tmp_path, *words, **to))["id"]
    shown = answer(leyden(tmp_path, "jobs", "show", job, "--json", **to))
    assert (shown["currency"], shown["provider_cost_usd"]) == ("CREDIT", None)
    assert shown["price_version"] > 0
    as_owner(
        dsn,
        "insert into work.provider_call (id, job_id, attempt, provider, model, outcome, cost_usd_micros)"
        f" values (gen_random_uuid(), '{job}', 1, 'kie', 'a', 'done', 40000),"
        f" (gen_random_uuid(), '{job}', 1, 'kie', 'b', 'done', 2500)",
    )
    shown = answer(leyden(tmp_path, "jobs", "show", job, "--json", **to))
    assert shown["provider_cost_usd"] == "0.042500"
    sheet = leyden(tmp_path, "jobs", "show", job, **to).stdout
    assert "0.0425" in sheet
    assert "price  1 CREDIT" in sheet
    assert "None" not in sheet


@pytest.mark.parametrize(
    "words",
    [
        ("jobs", "submit", "--kind", "text.improve"),
        ("jobs", "submit", "--kind", "image.edit", "--op", "zap"),
        ("jobs", "submit", "--kind", "text.improve", "--text", "x", "--set", "nothing"),
        ("jobs", "show", str(uuid4())),
        ("jobs", "cancel", str(uuid4())),
        ("jobs", "list", "--user", "nobody"),
        ("dead", "show", str(uuid4())),
        ("dead", "replay", str(uuid4())),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(
    tmp_path: Path, dsn: str, redis_url: str, words: tuple[str, ...]
) -> None:
    done = leyden(tmp_path, *words, **stores(dsn, redis_url))
    assert done.returncode == 1
    assert "Nothing was charged" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_broken_book_is_exit_code_one_with_its_rows(
    tmp_path: Path, dsn: str, redis_url: str
) -> None:
    to = stores(dsn, redis_url)
    words = ("jobs", "submit", "--kind", "text.improve", "--text", "helo", "--no-wait", "--json")
    leyden(tmp_path, *words, **to)
    assert leyden(tmp_path, "ledger", "verify", **to).stdout.startswith("ledger verify: ok\nas of ")
    as_owner(dsn, "update ledger.account set balance = balance + 1")
    done = leyden(tmp_path, "ledger", "verify", "--json", **to)
    body = answer(done, code=1)
    assert not body["ok"]
    assert body["violations"][0]["what"]


def as_owner(dsn: str, statement: str) -> None:
    import asyncio

    import asyncpg

    async def act() -> None:
        connection = await asyncpg.connect(dsn)
        await connection.execute(statement)
        await connection.close()

    with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
        runner.run(act())


def test_doctor_fails_for_what_the_promise_depends_on(
    tmp_path: Path, dsn: str, redis_url: str, stack: StackHandle
) -> None:
    """The tests' own stack forgets on purpose, and a key lies open."""
    assert stack.owned
    data = tmp_path / "data"
    data.mkdir()
    (data / "dev.key").write_text("x")
    (data / "dev.key").chmod(0o644)
    as_owner(dsn, "alter table ledger.rate disable trigger rate_append_only")
    done = leyden(tmp_path, "doctor", "--json", **stores(dsn, redis_url))
    verdicts = {check["what"]: check["verdict"] for check in answer(done, code=1)["checks"]}
    assert done.returncode == 1
    failed = {what for what, verdict in verdicts.items() if verdict == "fail"}
    not_durable = {"fsync", "synchronous_commit", "full_page_writes"}
    assert failed == {*not_durable, "rights on the ledger", "dev.key"}
    assert stat.S_IMODE((data / "dev.key").stat().st_mode) == 0o644


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        ("sharpen", {"op": "sharpen"}),
        ("resize:width=800,height=600", {"op": "resize", "width": 800, "height": 600}),
        ("caption:text=Hello there", {"op": "caption", "text": "Hello there"}),
        ("crop:left=0.1,right=0.9", {"op": "crop", "left": 0.1, "right": 0.9}),
    ],
)
def test_an_operation_in_short(words: str, meant: dict[str, object]) -> None:
    assert parse_operation(words) == meant


def test_an_option_without_a_value_is_refused() -> None:
    assert parse_option("style=formal") == ("style", "formal")
    assert parse_option("pages=2") == ("pages", 2)
    with pytest.raises(InvalidInput):
        parse_option("pages")
