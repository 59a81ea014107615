"""`make check-ops`: every tool that is installed looks at the cluster's files; exit 1 if one objects."""

import sys
import tempfile
from pathlib import Path
from typing import Final

import yaml

from tests.ops import files, scraped
from tests.ops.files import COMPOSE, PROMETHEUS, ROOT
from tests.ops.tools import Report, call, on_path

DCLINT: Final = "dclint@3.1.0"
GET_PROMETHEUS: Final = "not on PATH (Debian, Ubuntu: apt-get install prometheus)"


def main() -> int:
    report = Report()
    with tempfile.TemporaryDirectory(prefix="leyden-ops-") as name:
        folder = Path(name)
        check_prometheus(report)
        check_dashboards(report, folder)
        check_queries(report, folder)
        check_compose(report)
        check_dockerfile(report)
    print(f"{report.failed} wrong, {len(report.skipped)} skipped")
    return 1 if report.failed else 0


def check_prometheus(report: Report) -> None:
    """Configuration and rules are read as Prometheus would; then the rules' own tests."""
    if not on_path("promtool"):
        report.skip("prometheus.yml, rules and their tests", f"promtool is {GET_PROMETHEUS}")
        return
    report.run(
        "prometheus.yml and rules", ["promtool", "check", "config", "prometheus.yml"], PROMETHEUS
    )
    tests = sorted((PROMETHEUS / "tests").glob("*.yml"))
    report.run("tests of the rules", ["promtool", "test", "rules", *tests], PROMETHEUS)


def check_dashboards(report: Report, folder: Path) -> None:
    """Every expression of a dashboard is grammatical: promtool reads them as if they were rules."""
    if not on_path("promtool"):
        report.skip("grammar of the dashboards", f"promtool is {GET_PROMETHEUS}")
        return
    rules = [
        {"record": f"panel:{n}", "expr": expr.text}
        for n, expr in enumerate(files.dashboard_exprs())
    ]
    path = folder / "panels.yml"
    path.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}))
    report.run(f"grammar of {len(rules)} dashboard queries", ["promtool", "check", "rules", path])


def check_queries(report: Report, folder: Path) -> None:
    """A real Prometheus answers every query over what the product really exports."""
    what = "dashboard queries asked of a real Prometheus"
    if not on_path("prometheus"):
        report.skip(what, f"prometheus is {GET_PROMETHEUS}")
        return
    try:
        with scraped.prometheus(folder) as url:
            wrong = scraped.rules_health(url)
            answers = [(expr, *scraped.ask(url, expr)) for expr in files.dashboard_exprs()]
    except scraped.NotReady as error:
        report.wrong(what, str(error))
        return
    wrong += [f"{expr.where}: {problem}" for expr, problem, _ in answers if problem]
    wrong += [f"{expr.where}: no data" for expr, problem, n in answers if not problem and not n]
    if wrong:
        report.wrong(what, "\n".join(wrong))
    else:
        report.ok(f"{len(answers)} {what}")


def check_compose(report: Report) -> None:
    """The compose schema, as a linter carries it; its opinions about style are not asked for."""
    what = "docker-compose.yml against the compose schema"
    if not on_path("npx"):
        report.skip(what, "npx is not on PATH (it comes with Node.js)")
        return
    linter = ["npx", "--yes", DCLINT]
    if call([*linter, "--version"]).returncode != 0:
        report.skip(what, f"npx cannot get {DCLINT}")
        return
    report.run(what, [*linter, "--quiet", COMPOSE.name], ROOT)


def check_dockerfile(report: Report) -> None:
    hadolint = Path(sys.executable).with_name("hadolint")
    if not hadolint.exists():
        report.skip("Dockerfile", "hadolint is not installed for this system")
        return
    report.run("Dockerfile", [hadolint, "Dockerfile"], ROOT)


if __name__ == "__main__":
    sys.exit(main())
