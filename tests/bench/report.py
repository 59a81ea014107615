"""Shows a book: a table on the terminal, JSON for machines, a section of `docs/benchmarks.md`."""

import json
import os
import platform
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from tests.bench.book import Book
from tests.bench.rows import ROWS, Row
from tests.bench.stores import Stores

BEGIN: Final = "<!-- measured: begin -->"
END: Final = "<!-- measured: end -->"
VERDICTS: Final = {True: "holds", False: "MISSED", None: ""}
PACKAGES: Final = ("arq", "asyncpg", "redis", "hiredis")


@dataclass(frozen=True)
class Facts:
    """Where and how it was measured."""

    machine: str
    versions: str
    command: str

    @classmethod
    def of(cls, stores: Stores, command: str) -> "Facts":
        python = f"Python {platform.python_version()}"
        servers = f"PostgreSQL {stores.postgres}, Valkey {stores.redis}"
        packages = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
        memory_gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
        machine = f"{os.cpu_count()} x {_processor()}, {memory_gib:.0f} GiB, {platform.platform()}"
        return cls(machine, f"{python}, {servers}, {packages}", command)


def measured(book: Book) -> list[Row]:
    return [row for row in ROWS if row.measured(book)]


def table(book: Book) -> Table:
    shown = Table(box=None, header_style="bold", pad_edge=False)
    for name in ("", "this", "that", "ratio", "bar", ""):
        shown.add_column(name, justify="left" if not name else "right")
    part = ""
    for row in measured(book):
        if row.part != part:
            part = row.part
            shown.add_section()
            shown.add_row(f"[bold]{part}[/]")
        style = {True: "green", False: "bold red", None: ""}[row.holds(book)]
        shown.add_row(*_cells(row, book), style=style)
    return shown


def show(book: Book, facts: Facts) -> None:
    console = Console(width=140)
    console.print(f"{facts.machine}\n{facts.versions}\n", highlight=False)
    console.print(table(book))


def as_json(book: Book, facts: Facts) -> str:
    rows: list[dict[str, Any]] = [
        {
            "part": row.part,
            "title": row.title,
            "ratio": row.ratio(book),
            "bar": row.bar,
            "at_most": row.at_most,
            "holds": row.holds(book),
        }
        for row in measured(book)
    ]
    return json.dumps({**facts.__dict__, "rows": rows, "numbers": dict(book.numbers)}, indent=1)


def write_docs(path: Path, book: Book, facts: Facts) -> None:
    """Put what was measured between the two marks; the rest of the page is written by hand."""
    before, _, rest = path.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    section = "\n".join((BEGIN, *_markdown(book, facts), END))
    path.write_text(before + section + after)


def _markdown(book: Book, facts: Facts) -> list[str]:
    lines = [f"- Machine: {facts.machine}", f"- {facts.versions}", f"- `{facts.command}`"]
    part = ""
    for row in measured(book):
        if row.part != part:
            part = row.part
            lines += ["", f"**{part}**", "", "| | this | that | ratio | bar | |"]
            lines.append("|---|---:|---:|---:|---:|---|")
        lines.append("| " + " | ".join(_cells(row, book)) + " |")
    return lines


def _cells(row: Row, book: Book) -> tuple[str, ...]:
    ratio = row.ratio(book)
    return (
        row.title,
        row.top.shown(book),
        row.bottom.shown(book) if row.bottom else "",
        f"{ratio:.0f}" if ratio >= 100 else f"{ratio:.1f}" if ratio >= 10 else f"{ratio:.2f}",
        row.bar_shown,
        VERDICTS[row.holds(book)],
    )


def _processor() -> str:
    facts = Path("/proc/cpuinfo")
    lines = facts.read_text().splitlines() if facts.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
