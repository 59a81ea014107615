"""Bands about what carries the jobs: money, providers, processes, their trouble, stores."""

from ops.grafana.panels import Band, Query, lines
from ops.grafana.queries import p95_by, per_second, quantile, quantiles, rate
from schemas.money import UNITS_PER_CREDIT


def money() -> Band:
    newest = "and on (instance) topk(1, leyden_sweep_last_timestamp_seconds)"
    return Band(
        "Money",
        (
            lines(
                "Open holds",
                "One for every paid job that has started and not ended.",
                Query(f"max(leyden_ledger_holds_active {newest})", "holds"),
                unit="short",
            ),
            lines(
                "Credits held",
                "Sum of the open holds.",
                Query(f"max(leyden_ledger_holds_units {newest}) / {UNITS_PER_CREDIT}", "credits"),
                unit="short",
            ),
            lines(
                "Captures and releases",
                "A paid job ends in exactly one of the two.",
                Query(rate("ledger_captures"), "captured"),
                Query(rate("ledger_releases"), "released"),
                unit="ops",
            ),
            lines(
                "Paid by the house",
                "Credits an hour used above the quote.",
                Query(
                    "sum(rate(leyden_ledger_underestimated_units_total[$__rate_interval]))"
                    f" * 3600 / {UNITS_PER_CREDIT}",
                    "above the quote",
                ),
                unit="short",
            ),
        ),
    )


def providers() -> Band:
    return Band(
        "Providers",
        (
            lines(
                "Calls",
                "By provider and outcome.",
                per_second("provider_calls", "provider", "outcome"),
                unit="ops",
                stacked=True,
            ),
            lines(
                "Share that fails",
                "Over ten minutes, by provider.",
                Query("leyden:provider_errors:ratio_rate10m", "{{provider}}"),
                unit="percentunit",
            ),
            lines(
                "Bought again",
                "Calls made a second time at the house's cost, by provider.",
                per_second("provider_rebuys", "provider"),
                unit="ops",
            ),
        ),
    )


def telling() -> Band:
    newest = "and on (instance) topk(1, leyden_sweep_last_timestamp_seconds)"
    return Band(
        "Telling people",
        (
            lines(
                "Oldest update",
                "How long the oldest thing that somebody wrote to a bot has been waiting to be handled.",
                Query(f"max(leyden_updates_oldest_seconds {newest})", "oldest"),
                unit="s",
            ),
            lines(
                "Answers waiting",
                "Jobs have ended and their people were not told yet.",
                Query(f"max(leyden_deliveries_waiting {newest})", "waiting"),
                unit="short",
            ),
            lines(
                "Oldest answer",
                "How long the oldest of them has been waiting.",
                Query("leyden:deliveries_oldest_seconds:newest", "oldest"),
                unit="s",
            ),
            lines(
                "From end to answer",
                "From the end of a job until Telegram has confirmed its answer.",
                *quantiles("delivery_lag_seconds"),
                unit="s",
            ),
            lines(
                "Telegram calls",
                "By what came of them; a flood is a pause that Telegram asked for.",
                per_second("telegram_calls", "outcome"),
                unit="ops",
                stacked=True,
            ),
            lines(
                "Ends of deliveries and posts",
                "An uncertain post waits for its owner's word.",
                per_second("deliveries_ended", "outcome"),
                per_second("posts_ended", "outcome"),
                unit="ops",
            ),
            lines(
                "Perhaps twice",
                "Sends whose outcome nobody heard, by reason.",
                per_second("deliveries_doubtful", "reason"),
                unit="ops",
            ),
        ),
    )


def processes() -> Band:
    our_cpu = 'rate(process_cpu_seconds_total{job=~"leyden-.*"}[$__rate_interval])'
    our_memory = 'process_resident_memory_bytes{job=~"leyden-.*"}'
    return Band(
        "Processes",
        (
            lines(
                "Workers alive",
                "Processes that serve a lane.",
                Query("leyden:workers:count", "{{lane}}"),
                unit="none",
            ),
            lines(
                "Processor",
                "Cores in use, without child processes.",
                Query(f"sum by (service) ({our_cpu})", "{{service}}"),
                unit="none",
            ),
            lines(
                "Memory",
                "Largest process of each service, without its children.",
                Query(f"max by (service) ({our_memory})", "{{service}}"),
                unit="bytes",
            ),
            lines(
                "Loop held over 50 ms",
                "Share of samples, worst process of each service.",
                Query("max by (service) (leyden:loop_blocked:ratio_rate5m)", "{{service}}"),
                unit="percentunit",
            ),
        ),
    )


def trouble() -> Band:
    return Band(
        "Trouble",
        (
            lines(
                "Leases",
                "Lost: an attempt found its job gone. Taken over: its worker had gone.",
                Query(rate("leases_lost"), "lost"),
                Query(rate("job_crashes"), "taken over"),
                unit="ops",
            ),
            lines(
                "Children",
                "At work, and ended by force by reason (a second).",
                Query("sum(leyden_children_busy)", "busy"),
                per_second("child_kills", "reason"),
                unit="none",
            ),
            lines(
                "Tasks that failed",
                "Background tasks, by nursery.",
                per_second("task_failures", "nursery"),
                unit="ops",
            ),
            lines(
                "Of unknown kind",
                "Queued jobs that a worker of this build does not know.",
                Query("max by (kind) (leyden_unknown_kind_jobs)", "{{kind}}"),
                unit="none",
            ),
        ),
    )


def stores() -> Band:
    return Band(
        "Stores",
        (
            lines(
                "Postgres p95",
                "By statement.",
                p95_by("database_query_seconds", "statement"),
                unit="s",
            ),
            lines(
                "Store errors",
                "Redis, and Postgres by code.",
                Query(rate("redis_errors"), "redis"),
                Query(rate("database_errors", "code"), "postgres {{code}}"),
                unit="ops",
            ),
            lines(
                "Wake-ups",
                "Added by reason and read by outcome. Many by `sweep`: Redis loses some.",
                Query(rate("wakeups_added", "reason"), "added: {{reason}}"),
                Query(rate("wakeups_handled", "outcome"), "read: {{outcome}}"),
                unit="ops",
            ),
            lines(
                "Sweep and renewal p95",
                "A renewal slower than a third of the lease loses jobs.",
                Query(quantile(0.95, "sweep_seconds"), "sweep"),
                Query(quantile(0.95, "renew_seconds"), "renewal"),
                unit="s",
            ),
        ),
    )
