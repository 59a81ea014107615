"""`leyden models` and what `leyden doctor` says of models, against providers that are played."""

import json
import shutil
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from ops.cli.model_file import applied, compare
from ops.cli.model_lists import Listed
from ops.sandbox import Sandbox
from schemas.catalogue import Catalogue, catalogue
from schemas.data import parse_yaml, path_of
from schemas.models import Model
from storage.provider_board import key_mark
from storage.queue import Queue
from tests.e2e.processes import answer, leyden

BOOK = catalogue()
TEXT = path_of("models.yaml").read_text(encoding="utf-8")
KEY = "A" * 43 + "="
TODAY = date(2026, 11, 21)


def keyed(sandbox: Sandbox, key: str = "sk-models") -> dict[str, str]:
    return {
        "LEYDEN_OPENAI_BASE_URL": sandbox.openai_url,
        "LEYDEN_OPENAI_API_KEY": key,
        "LEYDEN_OPENROUTER_BASE_URL": sandbox.openrouter_url,
        "LEYDEN_OPENROUTER_API_KEY": key,
        "LEYDEN_KIE_BASE_URL": sandbox.kie_url,
        "LEYDEN_KIE_API_KEY": key,
    }


def listed(name: str, **change: object) -> dict[str, Listed]:
    """OpenRouter's list: as our catalogue has it, but for one model."""
    rows = {
        row.model: Listed(row.model, row.usd_in, row.usd_out, row.context, None)
        for row in BOOK.models
        if row.provider == "openrouter"
    }
    row = found(BOOK, name)
    rows[row.model] = Listed(
        **{"id": row.model, "usd_in": row.usd_in, "usd_out": row.usd_out, "context": row.context,
           "expires": None, **change}  # type: ignore[arg-type]
    )  # fmt: skip
    return rows


def found(book: Catalogue, name: str) -> Model:
    row = book.row(name)
    assert row is not None
    return row


def rewritten(text: str) -> Catalogue:
    return Catalogue.model_validate(parse_yaml(text))


def test_the_list_says_why_a_model_cannot_be_used(tmp_path: Path) -> None:
    body = answer(leyden(tmp_path, "models", "list", "--json"))
    states = {state["name"]: state for state in body["models"]}
    assert states["local-text"]["usable"]
    assert states["claude-sonnet-5"]["why"] == "LEYDEN_OPENROUTER_API_KEY is not set"
    assert states["claude-sonnet-5"]["answers"] is None
    assert states["gemma-3-27b-it"]["answers"] == "local-text"
    assert states["sora-2"]["why"] == "ended 2026-09-24"
    assert {alias["chain"][0] for alias in body["aliases"] if alias["chain"]} <= set(states)
    shown = leyden(tmp_path, "models", "list", "--for", "video")
    assert "veo-3.1" in shown.stdout
    assert "claude" not in shown.stdout
    assert "runway" not in leyden(tmp_path, "models", "list", "--usable").stdout


def test_with_keys_the_list_names_who_answers(tmp_path: Path, sandbox: Sandbox) -> None:
    body = answer(leyden(tmp_path, "models", "list", "--json", **keyed(sandbox)))
    unusable = {state["name"]: state["why"] for state in body["models"] if not state["usable"]}
    assert set(unusable) == {
        *("mistral-small-3.2-24b-instruct", "gemma-3-27b-it", "chatgpt-3.5-turbo", "sora-2")
    }
    chains = {(alias["alias"], alias["plan"]): alias["chain"] for alias in body["aliases"]}
    assert chains["text.default", None][0] == "mistral-small-3.2"
    assert chains["video.default", None][0] == "runway"
    assert all("local" not in chain[0] for (name, _), chain in chains.items() if "file" not in name)


def test_check_asks_the_providers_that_have_a_key(tmp_path: Path, sandbox: Sandbox) -> None:
    asked = answer(leyden(tmp_path, "models", "check", "--json", **keyed(sandbox)))
    assert asked["ok"]
    told = {check["what"]: check["found"] for check in asked["checks"]}
    assert told["openai"] == "the key is good"
    assert told["openrouter"].endswith("USD left")
    assert told["kie"].endswith("USD left")
    alone = answer(leyden(tmp_path, "models", "check", "--json"))
    assert {check["found"] for check in alone["checks"] if check["what"] == "kie"} == {"not asked"}


def test_check_fails_for_a_key_that_is_refused(tmp_path: Path, sandbox: Sandbox) -> None:
    done = leyden(tmp_path, "models", "check", **keyed(sandbox, "invalid-key"))
    assert done.returncode == 1
    assert done.stdout.count("check the key") == 3
    assert "invalid-key" not in done.stdout + done.stderr


def test_check_fails_for_a_provider_that_is_away(tmp_path: Path) -> None:
    nowhere = {"LEYDEN_KIE_BASE_URL": "http://127.0.0.1:1", "LEYDEN_KIE_API_KEY": "k"}
    done = leyden(tmp_path, "models", "check", **nowhere)
    assert done.returncode == 1
    assert "ConnectError" in done.stdout


def test_refresh_shows_a_diff_and_writes_when_told(tmp_path: Path, sandbox: Sandbox) -> None:
    mine = tmp_path / "models.yaml"
    shutil.copy(path_of("models.yaml"), mine)
    stale = TEXT.replace("usd_in: 0.4, usd_out: 2,", "usd_in: 0.39, usd_out: 2,", 1)
    stale = stale.replace("usd_in: 0.5, usd_out: 1.5,", "usd_in: 0.05, usd_out: 1.5,", 1)
    assert stale != TEXT
    mine.write_text(stale, encoding="utf-8")
    words = ("models", "refresh", "--file", str(mine))
    to = {"LEYDEN_OPENROUTER_BASE_URL": sandbox.openrouter_url}

    shown = leyden(tmp_path, *words, **to)
    assert shown.returncode == 0
    assert "mistral-medium-3.1" in shown.stdout
    assert "--jumps" in shown.stdout
    assert mine.read_text(encoding="utf-8") == stale, "nobody said yes"

    body = answer(leyden(tmp_path, *words, "--yes", "--json", **to))
    assert body["written"]
    book = rewritten(mine.read_text(encoding="utf-8"))
    assert found(book, "mistral-medium-3.1").usd_in == Decimal("0.4")
    assert found(book, "mistral-large").usd_in == Decimal("0.05"), "a jump is left to a person"
    assert book.version == BOOK.version + 1

    body = answer(leyden(tmp_path, *words, "--yes", "--jumps", "--json", **to))
    assert [change["name"] for change in body["changes"]] == ["mistral-large"]
    assert found(rewritten(mine.read_text(encoding="utf-8")), "mistral-large").usd_in == Decimal(
        "0.5"
    )
    again = leyden(tmp_path, *words, "--yes", **to)
    assert "nothing has changed" in again.stdout


def test_refresh_of_a_file_that_is_none(tmp_path: Path, sandbox: Sandbox) -> None:
    to = {"LEYDEN_OPENROUTER_BASE_URL": sandbox.openrouter_url}
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text("models: 1", encoding="utf-8")
    for path, said in ((tmp_path / "no.yaml", "cannot be read"), (wrong, "is not a catalogue")):
        done = leyden(tmp_path, "models", "refresh", "--file", str(path), **to)
        assert done.returncode == 2
        assert said in done.stderr.replace("\n", " ")


@pytest.mark.parametrize(
    ("change", "field", "jump"),
    [
        ({"usd_in": Decimal("0.25")}, "usd_in", False),
        ({"usd_out": Decimal(0)}, "usd_out", True),
        ({"usd_out": Decimal("6.1")}, "usd_out", True),
        ({"usd_out": Decimal("1.200000001")}, "usd_out", False),
        ({"context": 7}, "context", False),
        ({"expires": "2027-05-01"}, "sunset", False),
    ],
)
def test_one_change_changes_one_number(change: dict[str, object], field: str, jump: bool) -> None:
    diff = compare(BOOK, listed("gpt-5.6-luna", **change))
    assert [(each.name, each.field, each.jump) for each in diff.changes] == [
        ("gpt-5.6-luna", field, jump)
    ]
    text = applied(TEXT, diff.changes, today=TODAY)
    before, after = TEXT.splitlines(), text.splitlines()
    assert len(before) == len(after)
    assert sum(old != new for old, new in zip(before, after, strict=True)) == 2, "and the version"
    assert compare(rewritten(text), listed("gpt-5.6-luna", **change)).changes == ()


def test_what_is_not_told_changes_nothing_and_what_is_gone_is_named() -> None:
    unsaid = {"usd_in": None, "usd_out": None, "context": None}
    assert compare(BOOK, listed("gpt-5.6-luna", **unsaid)).changes == ()
    rows = listed("gpt-5.6-luna")
    del rows["openai/gpt-5.6-luna"]
    rows["new/model"] = Listed("new/model", Decimal(1), Decimal(1), 1, None)
    diff = compare(BOOK, rows)
    assert (diff.changes, diff.gone, diff.new) == ((), ("gpt-5.6-luna",), 1)


def test_a_row_in_another_form_is_not_guessed_at() -> None:
    (change,) = compare(BOOK, listed("gpt-5.6-luna", context=7)).changes
    with pytest.raises(ValueError, match="no row of the form"):
        applied(
            TEXT.replace("name: gpt-5.6-luna,", "title: x, name: gpt-5.6-luna,"),
            [change],
            today=TODAY,
        )
    with pytest.raises(ValueError, match="no line"):
        applied(TEXT.replace("version: ", "Version: "), [change], today=TODAY)


async def test_doctor_says_which_models_can_be_used_and_why_not(
    tmp_path: Path, dsn: str, redis_url: str, sandbox: Sandbox
) -> None:
    stores = {
        "LEYDEN_DATABASE_URL": dsn,
        "LEYDEN_REDIS_URL": redis_url,
        "LEYDEN_MASTER_KEY": KEY,
        "LEYDEN_KIE_BASE_URL": sandbox.kie_url,
        "LEYDEN_KIE_API_KEY": "sk-doctor",
    }
    queue = await Queue.open(redis_url)
    await queue.set(f"leyden:guard:kie:{key_mark('sk-doctor')}:stop", "quota_exhausted", px=600_000)
    shown = leyden(tmp_path, "doctor", **stores)
    assert "LEYDEN_OPENAI_API_KEY is not set" in shown.stdout
    assert "stopped (quota_exhausted)" in shown.stdout
    assert "sk-doctor" not in shown.stdout
    await queue.flushall()
    await queue.aclose()
    body = json.loads(leyden(tmp_path, "doctor", "--json", **stores).stdout)
    usable = {state["name"] for state in body["models"] if state["usable"]}
    assert {"local-text", "runway", "nano-banana-2"} <= usable
    assert "gpt-6-luna" not in usable
