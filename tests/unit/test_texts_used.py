"""Every text that the code asks for by name is there and gets the facts that it shows."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from schemas import errors
from schemas.texts import has, placeholders
from tests.support import nodes_of

ROOT = Path(__file__).parents[2]
PACKAGES = ("schemas", "storage", "ledger", "producers", "workers", "ops")
SPEAKERS = {"html", "text"}
MODULES = {"schemas.texts", "schemas.speech"}


def asked(path: Path) -> Iterator[ast.Call]:
    """Calls of `text` and `html` with the key written out, in a file that means ours."""
    ours = {
        alias.asname or alias.name
        for node in nodes_of(path, ast.ImportFrom)
        if node.module in MODULES
        for alias in node.names
        if alias.name in SPEAKERS
    }
    for node in nodes_of(path, ast.Call):
        named = isinstance(node.func, ast.Name) and node.func.id in ours
        if named and node.args and isinstance(node.args[0], ast.Constant):
            yield node


def raised(path: Path) -> Iterator[ast.Call]:
    """Errors of ours that are made with their code written out."""
    kinds = {name for name, kind in vars(errors).items() if isinstance(kind, type)} | {"refusal"}
    for node in nodes_of(path, ast.Call):
        if isinstance(node.func, ast.Name) and node.args:
            first = node.args[0]
            if node.func.id in kinds and isinstance(first, ast.Constant):
                yield node


def key_of(call: ast.Call) -> str:
    key = call.args[0]
    assert isinstance(key, ast.Constant)
    return str(key.value)


@pytest.mark.parametrize("package", PACKAGES)
def test_texts_are_there_and_get_their_facts(package: str) -> None:
    wrong = []
    for path in sorted((ROOT / package).rglob("*.py")):
        for call in asked(path):
            key, where = key_of(call), f"{path.relative_to(ROOT)}:{call.lineno}"
            if not has(key):
                wrong.append(f"{where} {key} is no text")
                continue
            if any(word.arg is None for word in call.keywords):
                continue  # **facts
            given = {str(word.arg) for word in call.keywords}
            given |= {name.removesuffix("_units") for name in given}
            missing = placeholders(key, "en") - given
            wrong += [f"{where} {key} is not told {name}" for name in sorted(missing)]
    assert wrong == []


def test_calls_are_found() -> None:
    found = [key_of(call) for call in asked(ROOT / "workers" / "delivery" / "glimpse.py")]
    assert "live.head" in found


@pytest.mark.parametrize("package", PACKAGES)
def test_errors_are_raised_with_the_facts_that_their_texts_show(package: str) -> None:
    wrong = []
    for path in sorted((ROOT / package).rglob("*.py")):
        for call in raised(path):
            key = f"error.{key_of(call)}"
            if any(word.arg is None for word in call.keywords) or not has(key):
                continue
            given = {str(word.arg) for word in call.keywords}
            given |= {name.removesuffix("_units") for name in given}
            where = f"{path.relative_to(ROOT)}:{call.lineno}"
            missing = sorted(placeholders(key, "en") - given)
            wrong += [f"{where} {key} is not told {name}" for name in missing]
    assert wrong == []


def test_raised_errors_are_found() -> None:
    found = {key_of(call) for call in raised(ROOT / "storage" / "media.py")}
    assert found >= {"wrong_file_type", "media_too_heavy"}
