"""The cluster's files hold together: names that exist, places that are free, pages that are there."""

import re
from collections import Counter
from itertools import combinations
from typing import Any, Final

import pytest
import yaml

from ops.base import metrics
from ops.base.accounts import endpoints
from ops.base.settings import PREFIX, Settings
from ops.grafana.overview import overview
from ops.grafana.panels import COLUMNS, to_json
from schemas.jobs import Kind, Lane
from tests.ops import files, promql
from tests.ops.files import COMPOSE, GRAFANA, PROMETHEUS, ROOT, Expr

STORE_CONNECTIONS_SPARE: Final = 20
"""For migrations, a command line, a backup."""

EXPRS: Final = [*files.rule_exprs(), *files.dashboard_exprs()]
COMPOSED: Final = files.load(COMPOSE)
SERVICES: Final[dict[str, dict[str, Any]]] = COMPOSED["services"]


def recorded() -> dict[str, str]:
    return {rule["record"]: rule["expr"] for rule in files.rules() if "record" in rule}


# ------------------------------------------------------------------------------ rules and dashboards


@pytest.mark.parametrize("expr", EXPRS, ids=lambda expr: expr.where)
def test_every_series_named_is_exported_or_recorded(expr: Expr) -> None:
    assert promql.names(expr.text)
    assert promql.names(expr.text) <= promql.exported().keys() | recorded().keys()


@pytest.mark.parametrize("expr", EXPRS, ids=lambda expr: expr.where)
def test_every_label_named_is_one_the_series_carries(expr: Expr) -> None:
    known = promql.exported()
    for name, label, _value in promql.matchers(expr.text):
        if name not in recorded():
            assert label in known[name] | promql.TARGET_LABELS, (name, label)
    allowed = metrics.LABELS | promql.TARGET_LABELS | {"alertname", "severity"}
    assert promql.grouping_labels(expr.text) <= allowed


def test_every_lane_and_kind_named_exists() -> None:
    known = {"lane": {lane.value for lane in Lane}, "kind": {kind.value for kind in Kind}}
    seen = Counter[str]()
    for expr in EXPRS:
        for _name, label, value in promql.matchers(expr.text):
            if label in known:
                seen[label] += 1
                assert set(value.split("|")) <= known[label], expr.where
    assert seen["lane"] >= 3


def test_every_bucket_named_exists() -> None:
    known = {"leyden_http_request_seconds", "leyden_settlement_lag_seconds"}
    for expr in EXPRS:
        for name, label, value in promql.matchers(expr.text):
            if label == "le":
                known.discard(name.removesuffix("_bucket"))
                assert value in buckets(name.removesuffix("_bucket")), expr.where
    assert not known


def buckets(name: str) -> set[str]:
    histograms = [each for each in vars(metrics).values() if hasattr(each, "_upper_bounds")]
    (found,) = [each for each in histograms if each.describe()[0].name == name]
    return {str(float(bound)) for bound in found._upper_bounds}


def test_a_wrong_name_would_be_noticed() -> None:
    text = 'sum by (lane) (rate(leyden_no_such_total{lane="text"}[5m])) > 3 * 1e3'
    assert promql.names(text) == {"leyden_no_such_total"}
    assert list(promql.matchers(text)) == [("leyden_no_such_total", "lane", "text")]
    assert promql.grouping_labels(text) == {"lane"}


@pytest.mark.parametrize("alert", files.alerts(), ids=lambda alert: alert["alert"])
def test_every_alert_has_a_severity_a_sentence_and_a_page(alert: dict[str, Any]) -> None:
    assert re.fullmatch(r"Leyden[A-Z]\w+", alert["alert"])
    assert alert["labels"]["severity"] in {"page", "ticket"}
    assert len(alert["annotations"]["summary"]) > 15
    page = (ROOT / alert["annotations"]["runbook"]).read_text(encoding="utf-8")
    assert alert["alert"] in page.splitlines()[0]
    for section in ("## What it means", "## Look", "## Do"):
        assert section in page


def test_alerts_are_unique_and_no_page_is_left_over() -> None:
    names = [alert["alert"] for alert in files.alerts()]
    assert len(names) == len(set(names)) > 15
    pages = {path.relative_to(ROOT).as_posix() for path in (ROOT / "ops/runbooks").glob("*.md")}
    named = {alert["annotations"]["runbook"] for alert in files.alerts()}
    assert pages == named
    manual = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
    for alert in files.alerts():
        assert f"| {alert['alert']} | {alert['labels']['severity']} |" in manual


def test_every_alert_is_seen_firing_and_silent_by_a_test() -> None:
    fires: set[str] = set()
    silent: set[str] = set()
    for path in (PROMETHEUS / "tests").glob("*.yml"):
        for case in files.load(path)["tests"]:
            for each in case["alert_rule_test"]:
                (fires if each["exp_alerts"] else silent).add(each["alertname"])
    names = {alert["alert"] for alert in files.alerts()}
    assert names == fires == silent


def test_the_dashboard_is_what_its_source_says() -> None:
    stored = (GRAFANA / "dashboards/overview.json").read_text(encoding="utf-8")
    assert stored == to_json(overview()), "run `python -m ops.grafana`"


@pytest.mark.parametrize("document", files.dashboards(), ids=lambda document: document["uid"])
def test_panels_have_places_of_their_own(document: dict[str, Any]) -> None:
    panels = document["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels) > 20
    places = [panel["gridPos"] for panel in panels]
    assert all(at["x"] + at["w"] <= COLUMNS and at["w"] > 0 and at["h"] > 0 for at in places)
    for one, other in combinations(places, 2):
        beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        assert beside or one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]


def test_panels_explain_themselves() -> None:
    shown = [panel for panel in files.panels() if panel["type"] != "row"]
    for panel in shown:
        assert panel["title"]
        assert len(panel["description"]) > 10, panel["title"]
        assert panel["fieldConfig"]["defaults"]["unit"], panel["title"]
        assert panel["datasource"]["uid"] == "${datasource}"
        refs = [target["refId"] for target in panel["targets"]]
        assert len(set(refs)) == len(refs) > 0


def test_dashboards_find_their_datasource() -> None:
    uids = [document["uid"] for document in files.dashboards()]
    assert len(set(uids)) == len(uids) > 0
    sources = files.load(GRAFANA / "provisioning/datasources/prometheus.yml")["datasources"]
    for document in files.dashboards():
        (variable,) = document["templating"]["list"]
        assert (variable["name"], variable["query"]) == ("datasource", "prometheus")
        assert variable["current"]["value"] in {source["uid"] for source in sources}


# -------------------------------------------------------------------------------------- the cluster


def test_compose_names_only_what_it_declares() -> None:
    for name, service in SERVICES.items():
        assert set(service.get("depends_on", {})) <= SERVICES.keys() - {name}
        assert set(service["networks"]) <= COMPOSED["networks"].keys()
        for mount in service.get("volumes", []):
            source = mount.partition(":")[0]
            known = (
                (ROOT / source).exists()
                if source.startswith(".")
                else source in COMPOSED["volumes"]
            )
            assert known, (name, mount)


def test_compose_uses_all_it_declares() -> None:
    mounts = [mount for service in SERVICES.values() for mount in service.get("volumes", [])]
    assert {mount.partition(":")[0] for mount in mounts} >= COMPOSED["volumes"].keys()
    assert {net for service in SERVICES.values() for net in service["networks"]} == set(
        COMPOSED["networks"]
    )


def test_who_waits_for_health_waits_for_somebody_who_can_be_healthy() -> None:
    for service in SERVICES.values():
        for name, terms in service.get("depends_on", {}).items():
            if terms["condition"] == "service_healthy":
                assert "test" in SERVICES[name]["healthcheck"]
            else:
                assert terms["condition"] == "service_completed_successfully"
                assert SERVICES[name]["restart"] == "no"


def test_compose_sets_only_settings_that_exist() -> None:
    known = {PREFIX + field.upper() for field in Settings.model_fields}
    for name, service in ours().items():
        assert set(service["environment"]) <= known, name
    asked = set(re.findall(r"\$\{(LEYDEN_\w+)", COMPOSE.read_text(encoding="utf-8")))
    assert asked <= known
    assert set(re.findall(r"LEYDEN_\w+", dockerfile())) <= known


def test_compose_would_start_with_these_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """The values themselves, with every variable at its default and a key made up."""
    given = {"LEYDEN_MASTER_KEY": "A" * 43 + "=", "POSTGRES_PASSWORD": "abc"}
    for service in ours().values():
        for name, value in service["environment"].items():
            monkeypatch.setenv(name, interpolated(str(value), given))
        settings = Settings(_env_file=None)
        assert settings.master_key is not None
        assert settings.database_url == "postgresql://leyden:abc@postgres:5432/leyden"
        assert settings.host == "0.0.0.0"


def interpolated(text: str, given: dict[str, str], told: dict[str, str] | None = None) -> str:
    def value(found: re.Match[str]) -> str:
        name, sign, rest = found.groups()
        return given[name] if sign == ":?" else (told or {}).get(name, rest)

    return re.sub(r"\$\{(\w+)(:[?-])([^}]*)\}", value, text)


def ours() -> dict[str, dict[str, Any]]:
    return {name: each for name, each in SERVICES.items() if "build" in each}


def dockerfile() -> str:
    return (ROOT / "Dockerfile").read_text(encoding="utf-8")


@pytest.mark.parametrize("service", sorted(ours()))
def test_a_key_in_the_env_file_reaches_whoever_quotes_and_whoever_works(
    service: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that is not told of a key would answer with the local provider, or quote for it."""
    given = {"LEYDEN_MASTER_KEY": "A" * 43 + "=", "POSTGRES_PASSWORD": "abc"}
    told = {
        f"LEYDEN_{name}_{what}": f"https://{name.lower()}.example" if what == "BASE_URL" else name
        for name in ("OPENAI", "OPENROUTER", "KIE")
        for what in ("BASE_URL", "API_KEY")
    }
    told["LEYDEN_PUBLIC_URL"] = "https://leyden.example"
    for name, value in SERVICES[service]["environment"].items():
        monkeypatch.setenv(name, interpolated(str(value), given, told))
    settings = Settings(_env_file=None)
    accounts = endpoints(settings)
    assert {(name, one.base_url, one.api_key) for name, one in accounts.items()} == {
        (name, f"https://{name}.example", name.upper()) for name in ("openai", "openrouter", "kie")
    }
    assert settings.public_url == "https://leyden.example"


def test_secrets_are_asked_for_and_never_written_down() -> None:
    text = COMPOSE.read_text(encoding="utf-8")
    for name in ("POSTGRES_PASSWORD", "LEYDEN_MASTER_KEY", "GRAFANA_PASSWORD"):
        assert f"${{{name}:?" in text
    for line in text.splitlines():
        if re.search(r"(PASSWORD|MASTER_KEY|_TOKEN|_API_KEY):", line):
            assert "${" in line, line


def test_stores_keep_what_they_promised() -> None:
    postgres = SERVICES["postgres"]["command"]
    assert {"-cfsync=on", "-csynchronous_commit=on", "-cfull_page_writes=on"} <= set(postgres)
    redis = " ".join(SERVICES["redis"]["command"])
    for words in ("appendonly yes", "appendfsync everysec", "maxmemory-policy noeviction"):
        assert f"--{words}" in redis
    assert all(SERVICES[name]["networks"] == ["stores"] for name in ("postgres", "redis"))
    assert COMPOSED["networks"]["stores"]["internal"] is True


def test_every_runnable_lane_has_a_worker_that_prometheus_sees() -> None:
    lanes, seen = set(), set()
    for job in files.load(PROMETHEUS / "prometheus.yml")["scrape_configs"]:
        for found in job.get("dns_sd_configs", []):
            seen |= {(name, found["port"]) for name in found["names"]}
    for name, service in ours().items():
        if service["command"][0] == "worker":
            lanes |= set(service["command"][2].split(","))
            assert (name, int(service["environment"]["LEYDEN_METRICS_PORT"])) in seen
            assert "watch" in service["networks"]
    assert ("api", 8080) in seen
    assert {"text", "image", "video"} <= lanes <= {lane.value for lane in Lane}


def test_files_are_kept_where_all_processes_find_them() -> None:
    users = [name for name, service in ours().items() if service["command"][0] != "migrate"]
    stores = {SERVICES[name]["environment"]["LEYDEN_BLOB_URL"] for name in users}
    assert len(stores) == 1
    folder = re.sub(r".*:-file://(.*)}", r"\1", stores.pop())
    assert all(f"blobs:{folder}" in SERVICES[name]["volumes"] for name in users)
    assert folder in dockerfile()  # made there with its owner, who then owns the volume


def test_processes_get_the_time_they_need_to_drain() -> None:
    for service in ours().values():
        grace_s = float(service["environment"]["LEYDEN_GRACE_S"])
        assert int(service["stop_grace_period"].removesuffix("s")) > 2 * grace_s + 10


def test_postgres_has_room_for_all_pools() -> None:
    (limit,) = [
        int(word.rpartition("=")[2])
        for word in SERVICES["postgres"]["command"]
        if word.startswith("-cmax_connections=")
    ]
    size = Settings.model_fields["database_pool_size"].default
    control = 4  # of a worker, for renewals and sweeps
    copies = sum(service.get("deploy", {}).get("replicas", 1) for service in ours().values())
    assert copies * (size + control) + STORE_CONNECTIONS_SPARE <= limit


def test_the_image_runs_as_nobody_special_from_a_pinned_base() -> None:
    text = dockerfile()
    bases = re.findall(r"^FROM (\S+)", text, re.MULTILINE)
    assert len(bases) == 2
    assert len(set(bases)) == 1
    assert re.fullmatch(r"python:3\.\d+\.\d+-slim-\w+", bases[0])
    assert re.search(r"^USER 10001:10001$", text, re.MULTILINE)
    assert 'ENTRYPOINT ["leyden"]' in text
    assert "--require-hashes" in text
    assert "HEALTHCHECK" in text
    images = [service["image"] for name, service in SERVICES.items() if name not in ours()]
    assert all(re.search(r":v?\d+\.\d+", image) for image in images)


def test_the_build_sees_only_what_is_named() -> None:
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    assert rules[0] == "*"
    assert all((ROOT / line[1:]).exists() for line in rules if line.startswith("!"))
    packages = {"schemas", "storage", "ledger", "producers", "workers", "ops"}
    assert packages <= {line[1:] for line in rules if line.startswith("!")}


def test_yaml_files_say_nothing_twice() -> None:
    """PyYAML lets the last of two equal keys win in silence; nobody else does."""
    for path in (COMPOSE, *PROMETHEUS.rglob("*.yml"), *GRAFANA.rglob("*.yml")):
        for node in walk(yaml.compose(path.read_text(encoding="utf-8"))):
            if isinstance(node, yaml.MappingNode):
                keys = [key.value for key, _ in node.value]
                assert len(set(keys)) == len(keys), (path, keys)


def walk(node: yaml.Node | None) -> list[yaml.Node]:
    """A node and all below it; an alias is met again, which does no harm."""
    if isinstance(node, yaml.MappingNode):
        return [node, *(each for pair in node.value for half in pair for each in walk(half))]
    if isinstance(node, yaml.SequenceNode):
        return [node, *(each for item in node.value for each in walk(item))]
    return [] if node is None else [node]
