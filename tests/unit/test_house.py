"""The house's own limits: what a reader can hold in mind stays small, and every room says what it is for."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import nodes_of, syntax_of

ROOT = Path(__file__).parents[2]
ROOMS = ("schemas", "storage", "ledger", "producers", "workers", "ops", "tests")
FILE_MAX_LINES = 400
TEST_MAX_LINES = 500
FUNCTION_MAX_LINES = 60
NAMELESS = {"utils", "util", "common", "helpers", "misc"}


def sources() -> list[Path]:
    return sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py"))


def functions(path: Path) -> Iterator[tuple[str, int]]:
    found: list[ast.FunctionDef | ast.AsyncFunctionDef] = []
    found += nodes_of(path, ast.FunctionDef)
    found += nodes_of(path, ast.AsyncFunctionDef)
    for node in found:
        if node.end_lineno:
            yield f"{path.relative_to(ROOT)}:{node.name}", node.end_lineno - node.lineno + 1


def test_files_stay_short() -> None:
    limits = {path: TEST_MAX_LINES if (ROOT / "tests") in path.parents else FILE_MAX_LINES
              for path in sources()}  # fmt: skip
    lengths = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in sources()}
    assert [str(path) for path in sources() if lengths[path] > limits[path]] == []


def test_functions_stay_short() -> None:
    long = [
        name for path in sources() for name, lines in functions(path) if lines > FUNCTION_MAX_LINES
    ]
    assert long == []


def test_no_module_is_a_drawer() -> None:
    assert [path.name for path in sources() if path.stem in NAMELESS] == []


@pytest.mark.parametrize("room", [room for room in ROOMS if room != "tests"])
def test_every_package_says_what_it_is_for(room: str) -> None:
    silent = [
        str(path.relative_to(ROOT))
        for path in (ROOT / room).rglob("__init__.py")
        if len((ast.get_docstring(syntax_of(path)) or "").split()) < 8
    ]
    assert silent == []
