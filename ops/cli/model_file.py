"""What is new at OpenRouter against our catalogue, and writing it into the file: numbers in their places,
every other character as it was.
"""

import os
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Final, Literal

from ops.cli.model_lists import Listed
from schemas.catalogue import Catalogue
from schemas.data import parse_yaml
from schemas.models import Model

Field = Literal["usd_in", "usd_out", "context", "sunset"]
JUMP: Final = 5
"""A price that has changed by more than this factor is looked at by a person before it is charged."""


@dataclass(frozen=True, slots=True)
class Change:
    """One number of one row. `jump`: so large that it is probably somebody's mistake."""

    name: str
    field: Field
    was: str
    now: str
    jump: bool = False


@dataclass(frozen=True, slots=True)
class Diff:
    """`gone`: rows OpenRouter does not list. `new`: how many models it has that we do not."""

    changes: tuple[Change, ...]
    gone: tuple[str, ...]
    new: int


def compare(book: Catalogue, listed: Mapping[str, Listed]) -> Diff:
    """The texts of OpenRouter; its list says nothing of pictures' and films' prices."""
    rows = [
        row
        for row in book.models
        if row.provider == "openrouter" and row.modality == "text" and row.enabled
    ]
    changes = [
        change for row in rows if row.model in listed for change in _changes(row, listed[row.model])
    ]
    known = {row.model for row in book.models}
    gone = tuple(row.name for row in rows if row.model not in listed)
    return Diff(tuple(changes), gone, len(set(listed) - known))


def applied(text: str, changes: Iterable[Change], *, today: date) -> str:
    """The file with the changes in it, as the next version. Raises ValueError for a row that is not there
    in the form it is written in, or if the result would not be a catalogue (pydantic.ValidationError).
    """
    for change in changes:
        text = _edit_row(text, change.name, _setter(change.field, change.now))
    text, times = re.subn(
        r"^version: (\d+)$", lambda found: f"version: {int(found[1]) + 1}", text, flags=re.MULTILINE
    )
    if times != 1:
        message = "the file has no line `version: N`"
        raise ValueError(message)
    text = re.sub(r"^snapshot: .*$", f"snapshot: {today}", text, flags=re.MULTILINE)
    Catalogue.model_validate(parse_yaml(text))
    return text


def write(path: Path, text: str) -> None:
    """In one step: a crash leaves the old file or the new one. Raises OSError."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        draft.write_text(text, encoding="utf-8")
        draft.chmod(path.stat().st_mode)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def _changes(row: Model, listed: Listed) -> list[Change]:
    found = []
    prices: tuple[tuple[Field, Decimal | None, Decimal | None], ...] = (
        ("usd_in", row.usd_in, listed.usd_in),
        ("usd_out", row.usd_out, listed.usd_out),
    )
    for field, was, now in prices:
        if now is not None and now != was:
            found.append(Change(row.name, field, _number(was), _number(now), _jumps(was, now)))
    if listed.context and listed.context != row.context:
        found.append(Change(row.name, "context", str(row.context or "-"), str(listed.context)))
    if listed.expires and listed.expires != str(row.sunset):
        found.append(Change(row.name, "sunset", str(row.sunset or "-"), listed.expires))
    return found


def _jumps(was: Decimal | None, now: Decimal) -> bool:
    """Also from something to nothing and back: a model that was sold is not free by accident."""
    if not was or not now:
        return was != now
    return max(now / was, was / now) > JUMP


def _number(value: Decimal | None) -> str:
    return "-" if value is None else f"{value.normalize():f}"


def _setter(field: Field, value: str) -> Callable[[str], str]:
    told = f'{field}: "{value}"' if field == "sunset" else f"{field}: {value}"

    def edit(row: str) -> str:
        changed, times = re.subn(rf"\b{field}: [^,}}\s]+", told, row, count=1)
        return changed if times else row.removesuffix("}") + f", {told}}}"

    return edit


def _edit_row(text: str, name: str, edit: Callable[[str], str]) -> str:
    """Rows are flow mappings, `- {name: NAME, ...}`, over one line or more; none holds a brace of its own
    but `seconds`.
    """
    found = re.search(rf"- (\{{name: {re.escape(name)},(?:[^{{}}]|\{{[^{{}}]*\}})*\}})", text)
    if found is None:
        message = f"the file has no row of the form `- {{name: {name}, ...}}`"
        raise ValueError(message)
    return text[: found.start(1)] + edit(found[1]) + text[found.end(1) :]
