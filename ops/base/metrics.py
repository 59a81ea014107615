"""All Prometheus metrics of the product, on one registry per process.

A name is `leyden_<noun>_<unit>`; a label holds one of a few known words, never an id, a key or a
text that a user wrote, so that the number of series stays bounded. They leave the process through
`render` in an HTTP handler, or through a small server of their own.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from threading import Thread
from typing import TypeVar
from wsgiref.simple_server import WSGIServer

from prometheus_client import (
    GC_COLLECTOR,
    PLATFORM_COLLECTOR,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    start_http_server,
)
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from ops.base import clock
from schemas.errors import ConfigError

LOOP_SAMPLE_S = 0.02  # short enough that a block of 50 ms cannot hide between two samples

registry = CollectorRegistry()
registry.register(PLATFORM_COLLECTOR)
registry.register(GC_COLLECTOR)
ProcessCollector(registry=registry)

LABELS = frozenset(
    {
        "app", "call", "code", "kind", "lane", "method", "model", "nursery", "outcome", "plan",
        "priority", "provider", "reason", "route", "stage", "statement", "status", "version",
    }
)  # fmt: skip

_FAST = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_SLOW = (0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800)
_ROWS = (1, 2, 5, 10, 20, 50, 100, 200, 500)

_Metric = TypeVar("_Metric", Counter, Gauge)


def _add(kind: type[_Metric], name: str, what: str, *labels: str) -> _Metric:
    return kind(f"leyden_{name}", what, labels, registry=registry)


def _histogram(name: str, what: str, *labels: str, buckets: Sequence[float]) -> Histogram:
    return Histogram(f"leyden_{name}", what, labels, registry=registry, buckets=buckets)


_Labelled = TypeVar("_Labelled", Counter, Gauge, Histogram)


@cache
def series(metric: _Labelled, *values: str) -> _Labelled:
    """`metric.labels(*values)`, looked up once: for what is counted with every job."""
    return metric.labels(*values)


# Jobs
jobs_accepted = _add(Counter, "jobs_accepted_total", "Jobs accepted.", "kind", "app")
jobs_refused = _add(Counter, "jobs_refused_total", "Submissions refused.", "code")
jobs_started = _add(Counter, "jobs_started_total", "Attempts started.", "kind", "lane")
jobs_ended = _add(Counter, "jobs_ended_total", "Jobs ended.", "kind", "outcome")
jobs_in_hand = _add(Gauge, "jobs_in_hand", "Jobs this process is running.", "lane")
jobs_dead = _add(Counter, "jobs_dead_total", "Jobs buried as poison.", "kind")
job_crashes = _add(Counter, "job_crashes_total", "Take-overs of an ended lease.", "kind")
leases_lost = _add(Counter, "leases_lost_total", "Attempts that found their lease gone.", "kind")
unknown_kind_jobs = _add(Gauge, "unknown_kind_jobs", "Queued jobs no worker here knows.", "kind")
job_wait_seconds = _histogram(
    "job_wait_seconds", "From due to started, in seconds.", "kind", buckets=_SLOW
)
job_run_seconds = _histogram(
    "job_run_seconds", "From start to end of an attempt, in seconds.", "kind", buckets=_SLOW
)

# Lanes and wake-ups
worker_slots = _add(Gauge, "worker_slots", "Jobs this process can have in hand.", "lane")
lane_oldest_seconds = _add(Gauge, "lane_oldest_seconds", "Age of the oldest due job.", "lane")
lane_backlog = _add(Gauge, "lane_backlog", "Queued jobs that are due.", "lane")
lane_work_seconds = _add(Gauge, "lane_work_seconds", "Seconds of work that are due.", "lane")
wakeups_added = _add(Counter, "wakeups_added_total", "Wake-ups put on a stream.", "reason")
wakeups_handled = _add(Counter, "wakeups_handled_total", "Wake-ups read.", "outcome")
stream_entries_broken = _add(
    Counter, "stream_entries_broken_total", "Stream entries that could not be read."
)

# Sweep and renewal
sweep_seconds = _histogram("sweep_seconds", "Duration of a sweep, in seconds.", buckets=_FAST)
sweep_last_timestamp = _add(
    Gauge, "sweep_last_timestamp_seconds", "End of the last whole sweep, in Unix seconds."
)
renew_seconds = _histogram("renew_seconds", "Duration of a renewal, in seconds.", buckets=_FAST)

# Stores
redis_errors = _add(Counter, "redis_errors_total", "Calls to Redis that failed.")
database_errors = _add(Counter, "database_errors_total", "Statements that failed.", "code")
database_query_seconds = _histogram(
    "database_query_seconds", "Duration of a statement, in seconds.", "statement", buckets=_FAST
)
batch_rows = _histogram("batch_rows", "Calls gathered into one statement.", "call", buckets=_ROWS)

# Money
ledger_holds_active = _add(Gauge, "ledger_holds_active", "Holds that are open.")
ledger_holds_units = _add(Gauge, "ledger_holds_units", "Sum of the open holds, in units.")
ledger_violations = _add(Gauge, "ledger_violations", "Rows that `ledger verify` objects to.")
ledger_verified_timestamp = _add(
    Gauge, "ledger_verified_timestamp_seconds", "When this process last verified, in Unix seconds."
)
payments_parked = _add(
    Gauge, "payments_parked", "Payments in Stars that nothing was credited for yet."
)
ledger_captures = _add(Counter, "ledger_captures_total", "Holds captured.")
ledger_releases = _add(Counter, "ledger_releases_total", "Holds released.")
ledger_underestimated_units = _add(
    Counter,
    "ledger_underestimated_units_total",
    "Use above the quote, paid by the house, in units.",
)
settlement_lag_seconds = _histogram(
    "settlement_lag_seconds", "From result to settled, in seconds.", buckets=_SLOW
)

# Providers
provider_calls = _add(
    Counter, "provider_calls_total", "Calls of providers.", "provider", "model", "outcome"
)
provider_rebuys = _add(
    Counter, "provider_rebuys_total", "Calls made again at the house's cost.", "provider"
)
late_results = _add(
    Counter, "late_results_total", "Results that came after the end of their job, given free."
)
provider_denials = _add(
    Counter, "provider_denials_total", "Calls our own guard held back.", "provider", "reason"
)
provider_fallbacks = _add(
    Counter, "provider_fallbacks_total", "Calls passed on to the next candidate.", "provider"
)
provider_breakers = _add(
    Counter, "provider_breakers_total", "Times a model was left alone.", "provider", "model"
)
provider_stops = _add(
    Counter, "provider_stops_total", "Times a provider was stopped.", "provider", "reason"
)
moderation_blocks = _add(
    Counter, "moderation_blocks_total", "Jobs whose content was not allowed.", "reason"
)
moderation_silences = _add(
    Counter, "moderation_silences_total", "Questions that no judge answered.", "reason"
)

# Hearing people, and telling them
updates_open = _add(Gauge, "updates_open", "Updates of bots that were not handled yet.")
updates_oldest_seconds = _add(
    Gauge, "updates_oldest_seconds", "Age of the oldest update not handled, in seconds."
)
deliveries_waiting = _add(Gauge, "deliveries_waiting", "Answers that were not delivered yet.")
deliveries_oldest_seconds = _add(
    Gauge, "deliveries_oldest_seconds", "Age of the oldest answer not delivered, in seconds."
)
deliveries_ended = _add(Counter, "deliveries_ended_total", "Deliveries that ended.", "outcome")
deliveries_doubtful = _add(
    Counter, "deliveries_doubtful_total", "Sends that may show a message twice.", "reason"
)
delivery_lag_seconds = _histogram(
    "delivery_lag_seconds", "From the end of a job to its answer, in seconds.", buckets=_SLOW
)
posts_ended = _add(Counter, "posts_ended_total", "Posts in channels.", "outcome")
telegram_calls = _add(Counter, "telegram_calls_total", "Calls of the Bot API.", "outcome")
live_updates = _add(
    Counter, "live_updates_total", "Drafts and edits of cards while jobs run.", "outcome"
)

# The edge
http_requests = _add(
    Counter, "http_requests_total", "Requests answered.", "route", "method", "status"
)
http_request_seconds = _histogram(
    "http_request_seconds", "Duration of a request, in seconds.", "route", buckets=_FAST
)

# The process
children_busy = _add(Gauge, "children_busy", "Child processes at work.")
child_kills = _add(Counter, "child_kills_total", "Child processes that were ended.", "reason")
task_failures = _add(Counter, "task_failures_total", "Background tasks that failed.", "nursery")
event_loop_lag_seconds = _histogram(
    "event_loop_lag_seconds", "How late the event loop woke up, in seconds.", buckets=_FAST
)
disk_free_bytes = _add(Gauge, "disk_free_bytes", "Free bytes on the disk where blobs are kept.")
build_info = _add(Gauge, "build_info", "Always 1; the label says what runs.", "version")


def render() -> tuple[bytes, str]:
    """All metrics in the Prometheus text format, and its content type."""
    return generate_latest(registry), CONTENT_TYPE_LATEST


@dataclass(frozen=True, slots=True)
class MetricsServer:
    """A server in a thread of its own: it answers even while the event loop is blocked."""

    port: int
    _server: WSGIServer
    _thread: Thread

    def close(self) -> None:
        """Stop answering and free the port."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def start_metrics_server(host: str, port: int) -> MetricsServer:
    """Serve the metrics on `host:port` (0: any free port). ConfigError when it cannot listen."""
    try:
        server, thread = start_http_server(port, host, registry=registry)
    except OSError as error:
        problem = f"cannot listen on {host}:{port} ({error.strerror})"
        raise ConfigError(setting="LEYDEN_METRICS_PORT", problem=problem) from error
    return MetricsServer(port=server.server_port, _server=server, _thread=thread)


async def sample_loop_lag(*, every_s: float = LOOP_SAMPLE_S) -> None:
    """Measure for ever how late the event loop wakes this task; run it in a nursery."""
    while True:
        due_s = clock.monotonic_s() + every_s
        await asyncio.sleep(every_s)
        event_loop_lag_seconds.observe(max(0.0, clock.monotonic_s() - due_s))
