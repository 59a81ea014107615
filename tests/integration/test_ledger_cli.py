"""`leyden ledger`: what an operator puts right has a reason and a name, is shown first, and happens once."""

from pathlib import Path
from typing import Any

import pytest

from producers.desk import Desk
from schemas.ids import new_id
from storage.blobs import Blobs
from storage.erasing import Erasing
from storage.pool import Database
from tests.e2e.processes import answer, leyden
from tests.integration.edge import a_wish, desk_on, finish_text
from tests.integration.test_cli import as_owner, stores

WHY = ("--reason", "lost in a storm", "--actor", "kim")


class Operator:
    """Runs `leyden ledger ... --json` on the stores of a test."""

    def __init__(self, folder: Path, dsn: str, redis_url: str) -> None:
        self._folder, self._to = folder, stores(dsn, redis_url)

    def said(self, *words: str, code: int = 0) -> Any:
        return answer(leyden(self._folder, "ledger", *words, "--json", **self._to), code=code)

    def refused(self, *words: str) -> str:
        done = leyden(self._folder, "ledger", *words, "--json", **self._to)
        assert done.returncode in {1, 2}
        assert "Traceback" not in done.stderr
        return done.stderr


@pytest.fixture
def operator(tmp_path: Path, dsn: str, redis_url: str) -> Operator:
    return Operator(tmp_path, dsn, redis_url)


async def a_person(desk: Desk, name: str = "ann") -> int:
    return (await desk.users.ensure("dev", name)).user_id


async def notes(desk: Desk, user_id: int, kind: str) -> list[tuple[int, str, str]]:
    rows = await desk.db.fetch(
        "select amount, note, actor from ledger.transfer where owner = $1 and kind = $2::ledger.kind",
        user_id,
        kind,
    )
    return [tuple(row.values()) for row in rows]


async def test_a_correction_is_shown_then_done_once(
    operator: Operator, dsn: str, redis_url: str, tmp_path: Path
) -> None:
    async with desk_on(dsn, redis_url, tmp_path) as desk:
        ann = await a_person(desk)
        op = str(new_id())
        words = ("adjust", "--user", str(ann), "--by", "-2.5", *WHY, "--op", op)
        shown = operator.said(*words)
        assert shown["done"] is None
        assert (shown["preview"]["units"], shown["preview"]["balance"]) == (-25_000, "60")
        assert await notes(desk, ann, "adjust") == []
        first, second = (operator.said(*words, "--yes")["done"] for _ in range(2))
        assert (first["op"], first["balance_units"], first["repeated"]) == (op, 575_000, False)
        assert second["repeated"]
        assert await notes(desk, ann, "adjust") == [(-25_000, "lost in a storm", "kim")]
        assert "key_conflict" in operator.refused(
            "adjust", "--user", str(ann), "--by", "1", *WHY, "--op", op, "--yes"
        )


async def test_a_refund_returns_what_is_left_of_a_charge(
    operator: Operator, dsn: str, redis_url: str, tmp_path: Path
) -> None:
    async with desk_on(dsn, redis_url, tmp_path) as desk:
        ann = await a_person(desk)
        job = (await desk.intake.submit(a_wish(ann))).job_id
        await finish_text(desk, job)
        part = operator.said("refund", str(job), "--amount", "0.25", *WHY, "--yes")
        assert (part["done"]["units"], part["preview"]["charged"]) == (2_500, "1")
        rest = operator.said("refund", str(job), *WHY, "--yes")
        assert (rest["done"]["units"], rest["done"]["balance_units"]) == (7_500, 600_000)
        assert "exceeds_capture" in operator.refused("refund", str(job), *WHY, "--yes")
        assert [row[0] for row in await notes(desk, ann, "refund")] == [2_500, 7_500]


async def test_a_bonus_and_the_thanks_are_given_once(
    operator: Operator, dsn: str, redis_url: str, tmp_path: Path
) -> None:
    async with desk_on(dsn, redis_url, tmp_path) as desk:
        ann = await a_person(desk)
        words = ("bonus", "--user", str(ann), "--amount", "3", "--currency", "BATV", *WHY)
        given = operator.said(*words, "--days", "7", "--yes")["done"]
        assert (given["currency"], given["balance_units"]) == ("BATV", 30_000)
        old, gone = await a_person(desk, "old"), await a_person(desk, "gone")
        await _forget_the_welcome(dsn, old)
        erasing = Erasing(desk.db, desk.keys, Blobs.open(desk.settings.blob_url))
        assert await erasing.begin(gone)
        assert await erasing.finish(gone)
        back = await a_person(desk, "gone")
        assert operator.said("thank", *WHY)["preview"]["people at most"] == 2
        assert operator.said("thank", *WHY, "--yes")["done"] == {"people": 2, "given": 1}
        assert operator.said("thank", *WHY, "--yes")["done"]["given"] == 0
        assert ("lost in a storm", "kim") in [row[1:] for row in await notes(desk, old, "bonus")]
        assert await notes(desk, back, "bonus") == []


async def _forget_the_welcome(dsn: str, user_id: int) -> None:
    """Somebody from before there was a sign-up bonus: a wallet without a movement."""
    owner = await Database.open(dsn, size=1, role=None)
    await owner.execute("alter table ledger.transfer disable trigger transfer_append_only")
    for table in ("lot", "transfer", "account"):
        await owner.execute(f"delete from ledger.{table} where owner = $1", user_id)
    await owner.execute("alter table ledger.transfer enable trigger transfer_append_only")
    await owner.close()


async def test_a_rate_has_a_reason_and_a_repeat_does_not_set_it_again(
    operator: Operator, dsn: str, redis_url: str, tmp_path: Path
) -> None:
    async with desk_on(dsn, redis_url, tmp_path) as desk:
        words = ("rate", "CREDIT", "BATV", "0.9", *WHY, "--op", str(new_id()), "--yes")
        assert operator.said(*words)["preview"]["from"] == "1.0000"
        operator.said("rate", "CREDIT", "BATV", "0.8", *WHY, "--yes")
        operator.said(*words)
        rows = await desk.db.fetch(
            "select rate::float8, note, set_by from ledger.rate where note is not null order by id"
        )
        told = ("lost in a storm", "kim")
        assert [tuple(row.values()) for row in rows] == [(0.9, *told), (0.8, *told)]
        assert "rate_pump" in operator.refused("rate", "BATV", "CREDIT", "2", *WHY, "--yes")


async def test_what_makes_no_sense_is_one_refusal_and_moves_nothing(
    operator: Operator, dsn: str, redis_url: str, tmp_path: Path
) -> None:
    async with desk_on(dsn, redis_url, tmp_path) as desk:
        ann = str(await a_person(desk))
        assert "--reason" in operator.refused("adjust", "--user", ann, "--by", "1", "--yes")
        assert "say why" in operator.refused("adjust", "--user", ann, "--by", "1", "--reason", " ")
        for amount in ("x", "nan", "inf", "0.00001"):
            told = operator.refused("adjust", "--user", ann, "--by", amount, *WHY, "--yes")
            assert "is no amount" in told
        assert "no_account" in operator.refused(
            "bonus", "--user", "999999", "--amount", "1", *WHY, "--yes"
        )
        assert "not_found" in operator.refused("refund", str(new_id()), *WHY, "--yes")
        rows = await desk.db.fetchval("select count(*) from ledger.account where owner = 999999")
        assert rows == 0


def test_the_proof_tells_what_it_looked_at(operator: Operator, dsn: str) -> None:
    whole = operator.said("verify")
    assert (whole["ok"], whole["since"]) == (True, None)
    assert set(whole) == {"ok", "violations", "as_of", "since", "transfers", "duration_s"}
    assert operator.said("verify", "--since-mark")["since"] is not None
    as_owner(dsn, "delete from ledger.mark")
    assert operator.said("verify", "--since-mark")["since"] is None
    assert "--since-mark" in operator.refused("verify", "--since-mark", "--user", "1")
