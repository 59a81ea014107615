"""Bands that follow a job: accept, wait, run, settle."""

from ops.grafana.panels import Band, Query, lines
from ops.grafana.queries import p95_by, per_second, quantiles


def accept() -> Band:
    jobs_route = '{route="/v1/jobs"}'
    by_status = (
        'sum by (status) (rate(leyden_http_requests_total{route="/v1/jobs",method="POST"}'
        "[$__rate_interval]))"
    )
    return Band(
        "Accept: from request to job row",
        (
            lines(
                "Answers by status",
                "POST /v1/jobs. 202 accepted, 200 a known key again, 4xx refused, 5xx our fault.",
                Query(by_status, "{{status}}"),
                unit="reqps",
                stacked=True,
            ),
            lines(
                "Time to accept",
                "Aim: p95 under 0.5 s.",
                *quantiles("http_request_seconds", jobs_route),
                unit="s",
            ),
            lines(
                "Refused by reason",
                "Submissions refused, by code.",
                per_second("jobs_refused", "code"),
                unit="reqps",
                stacked=True,
            ),
        ),
    )


def wait() -> Band:
    return Band(
        "Wait: from due to started",
        (
            lines(
                "Jobs that are due",
                "By lane. Jobs over their user's cap are not due.",
                Query("leyden:lane_backlog:newest", "{{lane}}"),
                unit="short",
                stacked=True,
            ),
            lines(
                "Oldest job",
                "By lane, in seconds.",
                Query("leyden:lane_oldest_seconds:newest", "{{lane}}"),
                unit="s",
            ),
            lines(
                "Work that waits",
                "Expected running time of all that is due, by lane. The figure to scale by.",
                Query("leyden:lane_work_seconds:newest", "{{lane}}"),
                unit="s",
            ),
            lines(
                "Wait p95",
                "From due to started, by kind.",
                p95_by("job_wait_seconds", "kind"),
                unit="s",
            ),
        ),
    )


def run() -> Band:
    return Band(
        "Run: attempts in workers",
        (
            lines(
                "Started",
                "Attempts started a second, by kind.",
                per_second("jobs_started", "kind"),
                unit="ops",
                stacked=True,
            ),
            lines(
                "Ended",
                "By outcome; `retried` is an attempt that comes back.",
                per_second("jobs_ended", "outcome"),
                unit="ops",
                stacked=True,
            ),
            lines(
                "Run p95",
                "One attempt, by kind.",
                p95_by("job_run_seconds", "kind"),
                unit="s",
            ),
            lines(
                "Slots in use",
                "Share of all slots of a kind of worker.",
                Query("leyden:slots_busy:ratio", "{{service}}"),
                unit="percentunit",
            ),
        ),
    )


def settle() -> Band:
    return Band(
        "Settle",
        (
            lines(
                "Result to settled",
                "Aim: 99.99 % within a minute.",
                *quantiles("settlement_lag_seconds"),
                unit="s",
            ),
            lines(
                "Holds settled",
                "Captured: charged for a result. Released: the credits went back.",
                per_second("ledger_captures"),
                per_second("ledger_releases"),
                unit="ops",
            ),
        ),
    )
