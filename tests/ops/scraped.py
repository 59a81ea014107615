"""A real Prometheus that scrapes our real registry twice over, and is asked every expression we have.

What a grammar check cannot see shows here: vectors that do not match one to one, series that no rule
records, a configuration that loads and finds no rule.
"""

import json
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import yaml

from ops.base import clock, metrics
from schemas.jobs import Kind, Lane
from tests.ops.files import PROMETHEUS, Expr

READY_S: Final = 30.0
SCRAPES: Final = 4
SERVICES: Final = ("api", "worker-text")


class NotReady(Exception):
    """Prometheus ended at once, or saw neither our metrics nor our rules; with the end of its log."""


def fill() -> None:
    """Touch every metric, with two values where a label has known words."""
    words = {"lane": [lane.value for lane in Lane], "kind": [kind.value for kind in Kind]}
    words |= {"outcome": ["succeeded", "failed", "ok"], "status": ["202", "503"]}
    words |= {"route": ["/v1/jobs"], "method": ["POST"]}
    for each in vars(metrics).values():
        if not hasattr(each, "_labelnames"):
            continue
        for n in range(2):
            values = [words.get(label, [f"{label}-a", f"{label}-b"]) for label in each._labelnames]
            child = each.labels(*(some[n % len(some)] for some in values)) if values else each
            act = getattr(child, "observe", None) or child.inc
            act(0.01)
    metrics.sweep_last_timestamp.set(clock.unix_s())


@contextmanager
def prometheus(folder: Path) -> Iterator[str]:
    """Its address, after a few scrapes and rounds of our rules. Raises NotReady."""
    servers = [metrics.start_metrics_server("127.0.0.1", 0) for _ in SERVICES]
    port = free_port()
    config = folder / "prometheus.yml"
    config.write_text(yaml.safe_dump(_config([server.port for server in servers])))
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [
                "prometheus",
                f"--config.file={config}",
                f"--storage.tsdb.path={folder / 'data'}",
                f"--web.listen-address=127.0.0.1:{port}",
            ],
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    url = f"http://127.0.0.1:{port}"
    try:
        _wait(url, process, folder / "log")
        yield url
    finally:
        process.terminate()
        process.wait(10)
        for server in servers:
            server.close()


def ask(url: str, expr: Expr) -> tuple[str, int]:
    """("", number of series), or what Prometheus objects to."""
    query = urllib.parse.urlencode({"query": expr.text})
    try:
        return "", len(_get(f"{url}/api/v1/query?{query}")["data"]["result"])
    except urllib.error.HTTPError as error:
        return str(json.load(error).get("error")), 0


def rules_health(url: str) -> list[str]:
    """Rules whose last evaluation failed, with the reason."""
    groups = _get(f"{url}/api/v1/rules")["data"]["groups"]
    rules = [rule for group in groups for rule in group["rules"]]
    return [f"{rule['name']}: {rule.get('lastError')}" for rule in rules if rule["health"] != "ok"]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


def _config(ports: list[int]) -> dict[str, Any]:
    """Our rules as they are, quicker than in production, with two targets as two processes."""
    return {
        "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
        "rule_files": [str(PROMETHEUS / "rules/*.yml")],
        "scrape_configs": [
            {
                "job_name": "leyden-api" if service == "api" else "leyden-worker",
                "static_configs": [
                    {"targets": [f"127.0.0.1:{port}"], "labels": {"service": service}}
                ],
            }
            for service, port in zip(SERVICES, ports, strict=True)
        ],
    }


def _scraped(url: str) -> bool:
    fill()
    up = {"query": f"count_over_time(up[1m]) >= {SCRAPES}"}
    try:
        seen = _get(f"{url}/api/v1/query?{urllib.parse.urlencode(up)}")["data"]["result"]
        groups = _get(f"{url}/api/v1/rules")["data"]["groups"]
    except (urllib.error.URLError, ConnectionError):
        return False
    evaluated = [rule["health"] != "unknown" for group in groups for rule in group["rules"]]
    return len(seen) == len(SERVICES) and bool(evaluated) and all(evaluated)


def _wait(url: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    until_s = clock.monotonic_s() + READY_S
    while not _scraped(url):
        if process.poll() is not None or clock.monotonic_s() > until_s:
            raise NotReady(log.read_text()[-2000:])
        time.sleep(0.2)


def _get(url: str) -> dict[str, Any]:
    with urllib.request.urlopen(url, timeout=10) as answer:
        return dict(json.load(answer))
