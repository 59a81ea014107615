"""Which two figures are compared, and which ratio must hold. `NAME.cpu`: us of Redis CPU a job."""

from dataclasses import dataclass
from typing import Final

from tests.bench.book import Book

TRANSPORT: Final = "The transport alone, no database on either side, against plain arq 0.28"
PATH: Final = "The whole path, against three bare commits a job through the same pool"


@dataclass(frozen=True, slots=True)
class Figure:
    """One number of the book: `median` of the rounds, or `p50`, `p99` of all that was noted."""

    name: str
    unit: str
    statistic: str = "median"

    def value(self, book: Book) -> float:
        if self.statistic == "median":
            return book.median(self.name)
        return book.quantile(self.name, float(self.statistic[1:]) / 100)

    def shown(self, book: Book) -> str:
        value = self.value(book)
        digits = 0 if value >= 100 else 1 if value >= 10 else 2
        return f"{value:,.{digits}f} {self.unit}"


@dataclass(frozen=True, slots=True)
class Row:
    """`top` : `bottom`; without a bottom the figure is a share already. No bar: to be known only."""

    part: str
    title: str
    top: Figure
    bottom: Figure | None = None
    bar: float | None = None
    at_most: bool = False
    aim: float | None = None

    def measured(self, book: Book) -> bool:
        return all(book.numbers.get(f.name) for f in (self.top, self.bottom) if f is not None)

    def ratio(self, book: Book) -> float:
        if self.bottom is None:
            return self.top.value(book)
        if self.top.statistic == "median" and self.bottom.statistic == "median":
            return book.ratio(self.top.name, self.bottom.name)
        return self.top.value(book) / self.bottom.value(book)

    def holds(self, book: Book) -> bool | None:
        """None when there is no bar."""
        if self.bar is None:
            return None
        ratio = self.ratio(book)
        return ratio <= self.bar if self.at_most else ratio >= self.bar

    @property
    def bar_shown(self) -> str:
        if self.bar is None:
            return ""
        bar = f"{'≤' if self.at_most else '≥'} {self.bar:g}"
        return f"{bar} (aim {self.aim:g})" if self.aim else bar


def _rate(name: str) -> Figure:
    return Figure(name, "jobs/s")


def _ms(name: str, statistic: str) -> Figure:
    return Figure(name, "ms", statistic)


def _us(name: str) -> Figure:
    return Figure(name, "us")


def _drain(kind: str, title: str, workers: int, bar: float | None) -> Row:
    stream, arq = _rate(f"{kind}.stream.{workers}"), _rate(f"{kind}.arq.{workers}")
    many = "workers" if workers > 1 else "worker"
    return Row(TRANSPORT, f"{title}, {workers} {many}: ours : arq", stream, arq, bar)


def _transport() -> tuple[Row, ...]:
    ours, raw, arq = "pickup.stream", "pickup.raw", "pickup.arq"
    return (
        _drain("drain", "drain of 20k", 1, 10),
        _drain("drain", "drain of 20k", 2, None),
        _drain("drain", "drain of 20k", 4, None),
        _drain("backlog", "drain, 100k waiting", 1, None),
        _drain("backlog", "drain, 100k waiting", 4, 20),
        Row(TRANSPORT, "idle pickup p50: ours : raw XREADGROUP", _ms(ours, "p50"), _ms(raw, "p50")),
        Row(
            TRANSPORT, "idle pickup p99: ours : raw XREADGROUP",
            _ms(ours, "p99"), _ms(raw, "p99"), 4, at_most=True,
        ),
        Row(TRANSPORT, "idle pickup p50: arq : ours", _ms(arq, "p50"), _ms(ours, "p50")),
        Row(TRANSPORT, "idle pickup p99: arq : ours", _ms(arq, "p99"), _ms(ours, "p99"), 50),
        Row(TRANSPORT, "use of 10 slots, 100 ms jobs: ours", Figure("slots.stream", ""), bar=0.98),
        Row(TRANSPORT, "use of 10 slots, 100 ms jobs: arq", Figure("slots.arq", "")),
        Row(TRANSPORT, "jobs done of 100 a second in them: ours", Figure("slots.stream.jobs", "")),
        Row(TRANSPORT, "jobs done of 100 a second in them: arq", Figure("slots.arq.jobs", "")),
        Row(
            TRANSPORT, "Redis CPU a job: 4 workers : 1 worker, ours",
            _us("backlog.stream.4.cpu"), _us("backlog.stream.1.cpu"), 1.3, at_most=True,
        ),
        Row(
            TRANSPORT, "Redis CPU a job: 4 workers : 1 worker, arq",
            _us("backlog.arq.4.cpu"), _us("backlog.arq.1.cpu"),
        ),
        Row(
            TRANSPORT, "Redis CPU a job, 4 workers: arq : ours",
            _us("backlog.arq.4.cpu"), _us("backlog.stream.4.cpu"),
        ),
    )  # fmt: skip


def _path() -> tuple[Row, ...]:
    floor, hot = _rate("floor.spread"), _rate("floor.hot")
    return (
        Row(PATH, "single calls : floor, 10,000 users", _rate("single.spread"), floor, 0.30),
        Row(PATH, "sets of 20 : floor", _rate("sets20.spread"), floor),
        Row(PATH, "sets of 50 : floor", _rate("sets50.spread"), floor),
        Row(PATH, "whole ring : floor, 10,000 users", _rate("ring.spread"), floor, 0.7, aim=1.5),
        Row(PATH, "the same, each result kept as a project", _rate("ring.kept"), floor),
        Row(PATH, "the same through the whole intake", _rate("ring.intake"), floor),
        Row(PATH, "single calls : floor, one hot user", _rate("single.hot"), hot),
        Row(PATH, "whole ring : floor, one hot user", _rate("ring.hot"), hot, 2),
        Row(
            PATH, "one job by single calls, p99: ours : floor",
            _ms("single.spread.ms", "p99"), _ms("floor.spread.ms", "p99"),
        ),
    )  # fmt: skip


ROWS: Final = (*_transport(), *_path())
