"""How commands speak: tables and words for people on stdout, one JSON document with `--json`."""

import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict, is_dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Annotated, Any, Final

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ops.base.clock import now
from schemas.money import Currency, format_units

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]

STATE_STYLES: Final = {
    "succeeded": "green",
    "failed": "red",
    "dead": "bold red",
    "cancelled": "yellow",
    "running": "cyan",
    "remote": "cyan",
}

PIPED_WIDTH: Final = 140
"""In a file or a pipe there is no window to fit into."""

console = Console(width=None if sys.stdout.isatty() else PIPED_WIDTH)
errors = Console(stderr=True)


def print_json(body: Any) -> None:
    sys.stdout.write(json.dumps(body, default=_plain, ensure_ascii=False, indent=2) + "\n")


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> Table:
    """Cells may hold rich markup; escape what a user wrote with `plain`. The last column wraps."""
    shown = Table(title=title, title_justify="left", header_style="bold", box=None, pad_edge=False)
    for place, column in enumerate(columns):
        shown.add_column(
            column.lstrip(">"),
            justify="right" if column.startswith(">") else "left",
            no_wrap=place < len(columns) - 1,
            overflow="fold",
        )
    for row in rows:
        shown.add_row(*row)
    return shown


def plain(text: object) -> str:
    """Text from outside: its brackets are no markup, its control characters are not sent."""
    return escape("".join(c if c.isprintable() else " " for c in str(text)))


def amount(units: int, currency: str = "CREDIT") -> str:
    return format_units(units, Currency(currency))


def state(name: str) -> str:
    style = STATE_STYLES.get(name)
    return f"[{style}]{name}[/]" if style else name


def when(moment: datetime | None) -> str:
    """`12 s ago`, `in 3 min`: what an operator wants to know first."""
    if moment is None:
        return "-"
    gone = now() - moment
    return f"in {span(-gone)}" if gone < timedelta(0) else f"{span(gone)} ago"


def span(length: timedelta | float) -> str:
    seconds = length.total_seconds() if isinstance(length, timedelta) else length
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"  # noqa: PLR2004


def size(number_bytes: int) -> str:
    value = float(number_bytes)
    for unit in ("B", "KiB", "MiB"):
        if value < 1024:  # noqa: PLR2004
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1024
    return f"{value:.1f} GiB"


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Enum):
        return value.value
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    if isinstance(value, (set, frozenset)):
        return sorted(value)
    return str(value)
