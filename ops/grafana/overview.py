"""The dashboard "Leyden overview": a job's way from the door to its end, then what carries it.

Read it from the top: what is wrong now, then accept, wait, run, settle, money, providers,
processes, stores. What is red or amber here has an alert with a page in `ops/runbooks`.
"""

from ops.grafana.foundations import money, processes, providers, stores, telling, trouble
from ops.grafana.journey import accept, run, settle, wait
from ops.grafana.panels import Band, Json, Panel, Query, dashboard, stat, table
from ops.grafana.queries import rate


def overview() -> Json:
    """The document of `dashboards/overview.json`."""
    return dashboard(
        uid="leyden-overview",
        title="Leyden overview",
        says="From the door to the end, then money, providers, answers, processes and stores.",
        bands=(
            _now(),
            _alerts(),
            accept(),
            wait(),
            run(),
            settle(),
            money(),
            providers(),
            telling(),
            processes(),
            trouble(),
            stores(),
        ),
    )


def _now() -> Band:
    return Band("Now", (*_work_now(), *_trouble_now()), height=4)


def _work_now() -> tuple[Panel, ...]:
    """Is work coming in and getting done?"""
    return (
        stat(
            "Accepted",
            "Jobs accepted a second.",
            Query(rate("jobs_accepted")),
            unit="reqps",
            bad=None,
        ),
        stat(
            "Door errors, 1 h",
            "Share of submissions that failed by our own fault. Allowed: 0.1 % in a month.",
            Query("leyden:accept_errors:ratio_rate1h"),
            unit="percentunit",
            warn=0.001,
            bad=0.0144,
        ),
        stat(
            "Oldest job",
            "Age of the oldest job of any lane that is due and has not started.",
            Query("max(leyden:lane_oldest_seconds:newest)"),
            unit="s",
            warn=60,
            bad=300,
        ),
        stat(
            "Slots in use",
            "Busiest kind of worker. Near 100 % for long: add copies of it.",
            Query("max(leyden:slots_busy:ratio)"),
            unit="percentunit",
            warn=0.8,
            bad=0.95,
        ),
    )


def _trouble_now() -> tuple[Panel, ...]:
    """Four figures that should not move."""
    return (
        stat(
            "Processes down",
            "Processes that Prometheus knows and cannot read.",
            Query('count(up{job=~"leyden-.*"} == 0) or vector(0)'),
            unit="none",
            bad=1,
        ),
        stat(
            "Since last sweep",
            "Some worker sweeps every other second; the sweep heals what crashes left.",
            Query("time() - max(leyden_sweep_last_timestamp_seconds)"),
            unit="s",
            warn=30,
            bad=60,
        ),
        stat(
            "Jobs buried, 24 h",
            "Jobs whose runs kept killing their process. Their credits went back.",
            Query("sum(increase(leyden_jobs_dead_total[24h])) or vector(0)"),
            unit="none",
            bad=1,
        ),
        stat(
            "Ledger violations",
            "Rows that `leyden ledger verify` objects to. One is one too many.",
            Query(
                "max(leyden_ledger_violations and on (instance) "
                "topk(1, leyden_ledger_verified_timestamp_seconds > 0))"
            ),
            unit="none",
            bad=1,
        ),
    )


def _alerts() -> Band:
    return Band(
        "Alerts",
        (
            table(
                "Firing",
                "Alerts that fire now; each has a page in ops/runbooks.",
                Query(
                    "sum by (alertname, severity, lane, kind, service, provider)"
                    ' (ALERTS{alertname=~"Leyden.*",alertstate="firing"})',
                    instant=True,
                ),
                empty="Nothing fires",
            ),
        ),
        height=5,
    )
