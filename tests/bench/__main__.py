"""`python -m tests.bench`: everything side by side in one run, rounds interleaved.

A round measures each case once; what is printed are medians over the rounds, and medians of each
round's own ratios. Absolute figures move with the machine and its neighbours; ratios much less.
"""

import argparse
import asyncio
import shlex
import sys
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Final

from rich.progress import Progress

from ops.base import garbage, logs
from tests.bench import report
from tests.bench.book import Book
from tests.bench.ring import Ring
from tests.bench.sql import Direct
from tests.bench.stores import Stores, populate, stores, violations
from tests.bench.transport import BACKLOG, Transport

DOCS: Final = Path(__file__).parent.parent.parent / "docs" / "benchmarks.md"
Case = tuple[str, Callable[[], Awaitable[None]]]


def transport_cases(transport: Transport) -> list[Case]:
    cases: list[Case] = []
    for role in ("stream", "arq"):
        for workers in (1, 2, 4):
            cases.append((f"drain.{role}.{workers}", partial(transport.drain, role, workers)))
        for workers in (1, 4):
            drain = partial(transport.drain, role, workers, BACKLOG)
            cases.append((f"backlog.{role}.{workers}", drain))
        cases.append((f"slots.{role}", partial(transport.slots, role)))
    for role in ("raw", "stream", "arq"):
        cases.append((f"pickup.{role}", partial(transport.pickup, role)))
    return cases


def path_cases(direct: Direct, ring: Ring) -> list[Case]:
    return [
        ("floor.spread", partial(direct.floor, hot=False)),
        ("single.spread", partial(direct.single, hot=False)),
        ("sets20.spread", partial(direct.sets, 20, hot=False)),
        ("sets50.spread", partial(direct.sets, 50, hot=False)),
        ("ring.spread", partial(ring.measure, "ring.spread")),
        ("ring.kept", partial(ring.measure, "ring.kept", save=True)),
        ("ring.intake", partial(ring.measure, "ring.intake", way="intake")),
        ("floor.hot", partial(direct.floor, hot=True)),
        ("single.hot", partial(direct.single, hot=True)),
        ("ring.hot", partial(ring.measure, "ring.hot", hot=True)),
    ]


async def measure(where: Stores, book: Book, options: argparse.Namespace) -> None:
    transport = Transport(where, book, seconds=options.seconds)
    direct = Direct(where, book, seconds=options.seconds)
    ring = Ring(where, book, seconds=options.seconds)
    await populate(where.dsn)
    for part in (transport, direct, ring):
        await part.open()
    garbage.settle()  # as every process of the product does: the floor is called from here
    cases = [
        (name, case)
        for name, case in (*transport_cases(transport), *path_cases(direct, ring))
        if not options.only or any(name.startswith(word) for word in options.only.split(","))
    ]
    with Progress(transient=True, disable=not sys.stderr.isatty()) as progress:
        task = progress.add_task("", total=options.rounds * len(cases))
        for turn in range(options.rounds):
            for name, case in cases:
                progress.update(task, description=f"round {turn + 1}: {name}")
                await case()
                progress.advance(task)
    for part in (transport, direct, ring):
        await part.close()
    if wrong := await violations(where.dsn):
        msg = f"the books do not agree: {wrong}"
        raise RuntimeError(msg)


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench", description=__doc__, allow_abbrev=False
    )
    parser.add_argument("--only", default="", help="cases whose names begin so, by commas")
    parser.add_argument("--rounds", type=int, default=3, help="how often each case is measured")
    parser.add_argument("--seconds", type=float, default=2.0, help="how long each is measured")
    parser.add_argument("--json", type=Path, help="write all numbers to this file")
    parser.add_argument(
        "--docs", action="store_true", help="write the tables of docs/benchmarks.md"
    )
    parser.add_argument("--strict", action="store_true", help="exit 1 when a bar is missed")
    return parser.parse_args(arguments)


def shown(arguments: list[str]) -> str:
    """The command as others may repeat it: where this machine keeps its numbers is nobody's business."""
    named = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    named.add_argument("--json")
    _, others = named.parse_known_args(arguments)
    return shlex.join(["python", "-m", "tests.bench", *others])


def main(arguments: list[str]) -> int:
    options = parse(arguments)
    logs.configure("warning", "console", process="bench")
    book = Book()
    with stores() as where:
        asyncio.run(measure(where, book, options))
        facts = report.Facts.of(where, shown(arguments))
    report.show(book, facts)
    if options.json:
        options.json.write_text(report.as_json(book, facts))
    if options.docs:
        report.write_docs(DOCS, book, facts)
    missed = [row for row in report.measured(book) if row.holds(book) is False]
    return 1 if missed and options.strict else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
