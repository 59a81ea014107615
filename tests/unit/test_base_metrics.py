"""Metrics: names and labels are bounded, the server serves, a blocked loop shows."""

import asyncio
import re
import socket
import time
import urllib.request
from datetime import UTC, timedelta

import pytest
from prometheus_client import Counter, Gauge, Histogram

from ops.base import clock, metrics
from ops.base.nursery import Nursery
from schemas.errors import ConfigError


def ours() -> list[Counter | Gauge | Histogram]:
    kinds = (Counter, Gauge, Histogram)
    return [each for each in vars(metrics).values() if isinstance(each, kinds)]


def test_every_metric_is_on_the_registry_under_our_name() -> None:
    shown = {family.name for family in metrics.registry.collect()}
    declared = {family.name for each in ours() for family in each.describe()}
    assert len(declared) == len(ours()) > 30
    assert declared <= shown
    assert all(name.startswith("leyden_") for name in declared)
    assert {name for name in shown if name.startswith("leyden_")} == declared


def test_labels_come_from_the_list() -> None:
    for each in ours():
        assert set(each._labelnames) <= metrics.LABELS, each
    assert not any(re.search(r"(^|_)id$|key|user", label) for label in metrics.LABELS)


def test_render_is_the_text_format() -> None:
    metrics.wakeups_added.labels(reason="sweep").inc(0)
    body, content_type = metrics.render()
    assert content_type.startswith("text/plain")
    assert b'leyden_wakeups_added_total{reason="sweep"}' in body


def test_the_server_serves_and_frees_its_port() -> None:
    server = metrics.start_metrics_server("127.0.0.1", 0)
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{server.port}/metrics", timeout=5) as answer:
            assert b"leyden_job_wait_seconds" in answer.read()
    finally:
        server.close()
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", server.port), timeout=5)


def test_a_taken_port_names_the_setting() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError, match=rf"^LEYDEN_METRICS_PORT: cannot listen on .*{port}"):
            metrics.start_metrics_server("127.0.0.1", port)


async def test_a_blocked_loop_is_measured() -> None:
    def late() -> float:
        name = "leyden_event_loop_lag_seconds_bucket"
        known = metrics.registry.get_sample_value
        return (known(name, {"le": "+Inf"}) or 0) - (known(name, {"le": "0.05"}) or 0)

    before = late()
    async with Nursery("test") as nursery:
        nursery.start(metrics.sample_loop_lag(every_s=0.001), name="lag")
        await asyncio.sleep(0)
        time.sleep(0.06)  # the block itself, longer than any sample
        await asyncio.sleep(0.002)
    assert late() > before


def test_clock_readings_agree() -> None:
    now = clock.now()
    assert now.tzinfo is UTC
    assert abs(now.timestamp() - clock.unix_s()) < timedelta(minutes=1).total_seconds()
    assert clock.monotonic_s() <= clock.monotonic_s()
