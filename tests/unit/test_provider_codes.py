"""Every code that a worker can end a job with is told to its user in words."""

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

import workers
from schemas.texts import has, text
from tests.support import nodes_of

ROOT = Path(workers.__file__).parent
FAULTS = frozenset({"Permanent", "Retryable"})


def codes() -> Iterator[tuple[str, str]]:
    """(file, code) of every fault that names its code where it is raised."""
    for path in sorted(ROOT.rglob("*.py")):
        assigned: list[ast.Assign | ast.AnnAssign] = []
        assigned += nodes_of(path, ast.Assign)
        assigned += nodes_of(path, ast.AnnAssign)
        named = {
            target.id: node.value.value
            for node in assigned
            if isinstance(node.value, ast.Constant)
            for target in ([node.target] if isinstance(node, ast.AnnAssign) else node.targets)
            if isinstance(target, ast.Name)
        }
        for node in nodes_of(path, ast.Call):
            if isinstance(node.func, ast.Name) and node.func.id in FAULTS and node.args:
                for code in _said(node.args[0], named):
                    yield path.relative_to(ROOT).as_posix(), code


def _said(node: ast.expr, named: Mapping[str, object]) -> Iterator[str]:
    match node:
        case ast.Constant(value=str() as code):
            yield code
        case ast.IfExp():
            yield from _said(node.body, named)
            yield from _said(node.orelse, named)
        case ast.Name(id=name) if isinstance(named.get(name), str):
            yield str(named[name])


def test_the_codes_are_found() -> None:
    found = {code for _, code in codes()}
    assert {
        "deadline",
        "media_too_heavy",
        "overdue",
        "content_blocked",
        "provider_unknown",
    } <= found
    assert len(found) > 15


@pytest.mark.parametrize("language", ["en", "ru"])
def test_each_has_a_text(language: str) -> None:
    silent = {(path, code) for path, code in codes() if not has(f"error.{code}")}
    assert silent == set()
    for _, code in codes():
        assert text(f"error.{code}", language)
