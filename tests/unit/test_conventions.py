"""docs/conventions.md names tests that are there, some for each habit."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
FUNCTION = re.compile(r"^(?:async )?def (\w+)", re.MULTILINE)
NAMED = re.compile(r"`([a-z0-9_]+/test_[a-z0-9_]+\.py)::(test_[a-z0-9_]+)`")


def habits() -> list[str]:
    page = (ROOT / "docs" / "conventions.md").read_text(encoding="utf-8")
    return [line for line in page.splitlines() if re.match(r"\| \d+ \|", line)]


@pytest.mark.parametrize("habit", habits(), ids=lambda line: line.split("|")[1].strip())
def test_every_habit_names_tests_that_are_there(habit: str) -> None:
    named = NAMED.findall(habit)
    assert len(named) == habit.count("::") > 0
    for file, name in named:
        assert name in names_in(ROOT / "tests" / file), f"{file} has no {name}"


def names_in(path: Path) -> set[str]:
    return set(FUNCTION.findall(path.read_text(encoding="utf-8")))
