"""The cluster's files as data, and the PromQL expressions in them."""

import json
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from schemas.data import parse_yaml

ROOT: Final = Path(__file__).parents[2]
COMPOSE: Final = ROOT / "docker-compose.yml"
PROMETHEUS: Final = ROOT / "ops/prometheus"
GRAFANA: Final = ROOT / "ops/grafana"

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Expr:
    """A PromQL expression as Prometheus will get it, and where it stands."""

    where: str
    text: str


def load(path: Path) -> Any:
    return parse_yaml(path.read_text(encoding="utf-8"))


@cache
def rules() -> list[Json]:
    files = sorted((PROMETHEUS / "rules").glob("*.yml"))
    return [rule for file in files for group in load(file)["groups"] for rule in group["rules"]]


def alerts() -> list[Json]:
    return [rule for rule in rules() if "alert" in rule]


def dashboards() -> list[Json]:
    files = sorted((GRAFANA / "dashboards").glob("*.json"))
    return [json.loads(file.read_text(encoding="utf-8")) for file in files]


def panels() -> list[Json]:
    return [panel for each in dashboards() for panel in each["panels"]]


def rule_exprs() -> list[Expr]:
    return [Expr(rule.get("alert") or rule["record"], rule["expr"]) for rule in rules()]


def dashboard_exprs() -> list[Expr]:
    """With Grafana's variables filled in as it would."""
    return [
        Expr(panel["title"], re.sub(r"\$__rate_interval\b", "1m", target["expr"]))
        for panel in panels()
        for target in panel.get("targets", [])
    ]
