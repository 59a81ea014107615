"""What was measured: numbers under a name, one or many for each round."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from statistics import median


@dataclass
class Book:
    """`numbers[name]` in the order of the rounds; latencies of all rounds together, in ms."""

    numbers: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))

    def add(self, name: str, number: float) -> None:
        self.numbers[name].append(number)

    def extend(self, name: str, numbers: Iterable[float]) -> None:
        self.numbers[name].extend(numbers)

    def median(self, name: str) -> float:
        return median(self.numbers[name])

    def quantile(self, name: str, share: float) -> float:
        ordered = sorted(self.numbers[name])
        return ordered[min(len(ordered) - 1, int(len(ordered) * share))]

    def ratio(self, top: str, bottom: str) -> float:
        """The median of the rounds' own ratios: what moves the whole machine cancels out."""
        pairs = zip(self.numbers[top], self.numbers[bottom], strict=True)
        return median(over / under for over, under in pairs)
