"""The few questions that panels ask over and over, as PromQL."""

from typing import Final

from ops.grafana.panels import Query

QUANTILES: Final = (0.5, 0.95, 0.99)


def rate(counter: str, *by: str) -> str:
    """Events a second of `leyden_<counter>_total`, summed by these labels."""
    total = f"rate(leyden_{counter}_total[$__rate_interval])"
    return f"sum by ({', '.join(by)}) ({total})" if by else f"sum({total})"


def per_second(counter: str, *by: str) -> Query:
    """The same as a query whose series are named by their labels."""
    return Query(rate(counter, *by), " ".join(f"{{{{{label}}}}}" for label in by) or "all")


def quantile(q: float, histogram: str, *by: str, where: str = "") -> str:
    """A quantile of `leyden_<histogram>`, by these labels; `where` is `{…}` or nothing."""
    buckets = f"rate(leyden_{histogram}_bucket{where}[$__rate_interval])"
    return f"histogram_quantile({q}, sum by ({', '.join(('le', *by))}) ({buckets}))"


def quantiles(histogram: str, where: str = "") -> tuple[Query, ...]:
    """Median, p95 and p99 of the whole."""
    return tuple(Query(quantile(q, histogram, where=where), f"p{q * 100:.0f}") for q in QUANTILES)


def p95_by(histogram: str, label: str) -> Query:
    """The p95 for each value of a label."""
    return Query(quantile(0.95, histogram, label), f"{{{{{label}}}}}")
