"""Which metrics and labels a PromQL expression names; promtool is who checks its grammar."""

import re
from collections.abc import Iterator
from functools import cache
from typing import Final

from ops.base import metrics

WORDS: Final = frozenset(
    {
        "absent", "and", "bool", "by", "count", "histogram_quantile", "ignoring", "increase", "max", "min",
        "offset", "on", "or", "rate", "round", "sum", "time", "topk", "unless", "vector", "without",
    }
)  # fmt: skip
TARGET_LABELS: Final = frozenset({"job", "instance", "service", "le"})
"""What Prometheus itself puts on every series, and on the buckets of a histogram."""

OUTSIDE: Final = {"up": frozenset[str](), "ALERTS": frozenset({"alertname", "alertstate"})}
OF_THE_PROCESS: Final = ("process_cpu_seconds_total", "process_resident_memory_bytes")
"""Exported on Linux only, so the registry of this very process need not know them."""

_STRING: Final = re.compile(r'"[^"]*"')
_MATCHERS: Final = re.compile(r"([a-zA-Z_:][\w:]*)?\s*\{([^}]*)\}")
_MATCHER: Final = re.compile(r'(\w+)\s*(?:=~|!~|!=|=)\s*"([^"]*)"')
_GROUPING: Final = re.compile(r"\b(?:by|without|on|ignoring)\s*\(([^)]*)\)")
_RANGE: Final = re.compile(r"\[[^\]]*\]|\boffset\s+\w+")
_NAME: Final = re.compile(r"(?<![\w.])[a-zA-Z_:][\w:]*")


@cache
def exported() -> dict[str, frozenset[str]]:
    """Every series name our processes export, with the labels it may carry."""
    known = dict(OUTSIDE) | dict.fromkeys(OF_THE_PROCESS, frozenset[str]())
    for each in vars(metrics).values():
        if not hasattr(each, "describe") or not hasattr(each, "_labelnames"):
            continue
        for family in each.describe():
            for suffix in _SUFFIXES[family.type]:
                known[family.name + suffix] = frozenset(each._labelnames)
    return known


_SUFFIXES: Final = {
    "counter": ("_total",),
    "gauge": ("",),
    "histogram": ("_bucket", "_count", "_sum"),
}


def names(expr: str) -> set[str]:
    """Everything in `expr` that is a metric or a recorded series."""
    bare = _STRING.sub('""', expr)
    bare = re.sub(r"\{[^}]*\}", "", bare)
    bare = _RANGE.sub(" ", _GROUPING.sub(" ", bare))
    return set(_NAME.findall(bare)) - WORDS


def matchers(expr: str) -> Iterator[tuple[str, str, str]]:
    """(metric, label, value) of every condition in braces."""
    for name, inside in _MATCHERS.findall(expr):
        for label, value in _MATCHER.findall(inside):
            yield name, label, value


def grouping_labels(expr: str) -> set[str]:
    """The labels after by, without, on and ignoring."""
    found = ",".join(_GROUPING.findall(expr)).split(",")
    return {label.strip() for label in found} - {""}
