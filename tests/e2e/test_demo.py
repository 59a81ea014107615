"""`leyden demo` as a newcomer runs it: twice in an empty folder, and what it leaves behind."""

from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from tests.e2e.processes import answer, leyden

KINDS = {
    "text.improve",
    "text.generate",
    "image.generate",
    "image.edit",
    "image.analyze",
    "video.generate",
    "file.process",
}


@pytest.mark.timeout(600)
def test_the_demo_runs_every_kind_and_a_second_one_keeps_the_first(tmp_path: Path) -> None:
    first = leyden(tmp_path, "demo")
    assert first.returncode == 0, first.stdout + first.stderr
    assert "Traceback" not in first.stdout + first.stderr
    for words in (*KINDS, "queue:", "Wallet of demo-1 before", "Wallet of demo-1 after", "Receipt"):
        assert words in first.stdout
    assert "ledger verify: ok" in first.stdout
    *_, last = first.stdout.strip().splitlines()
    assert "/chat" in last, "it ends with where to talk to the bots"
    folder = tmp_path / "data" / "out" / "demo-1"
    assert {path.stem for path in folder.iterdir()} == KINDS
    for path in folder.iterdir():
        if path.suffix in {".png", ".jpg"}:
            with Image.open(BytesIO(path.read_bytes())) as picture:
                picture.load()
                assert min(picture.size) >= 64
        assert path.stat().st_size > 0

    body = answer(leyden(tmp_path, "demo", "--json"))
    assert (body["ok"], body["user"], body["violations"]) == (True, "demo-2", 0)
    assert {job["kind"] for job in body["jobs"]} == KINDS
    assert {job["state"] for job in body["jobs"]} == {"succeeded"}
    charged = sum(job["captured"] for job in body["jobs"])
    granted = 600_000 + 250_000 + 1_000_000
    assert sum(wallet["balance"] for wallet in body["wallets_after"]) == granted - charged
    assert [(w["currency"], w["balance"]) for w in body["wallets_before"]] == [("CREDIT", 600_000)]
    assert {path.stem for path in folder.iterdir()} == KINDS

    listed = answer(leyden(tmp_path, "jobs", "list", "--json", "--limit", "50"))
    assert len(listed) == 2 * len(KINDS)
    assert answer(leyden(tmp_path, "ledger", "verify", "--json"))["ok"]
    doctor = answer(leyden(tmp_path, "doctor", "--json"))
    checks = {check["what"]: check["verdict"] for check in doctor["checks"]}
    assert {checks[name] for name in ("fsync", "synchronous_commit", "eviction policy")} == {"ok"}
