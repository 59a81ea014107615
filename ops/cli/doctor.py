"""`leyden doctor`: every setting that the promise depends on, asked of the servers themselves, and which
models can be used now.
"""

from typing import TYPE_CHECKING, Final

import typer

from ops.cli.output import Json, console, plain, print_json, table

if TYPE_CHECKING:
    from ops.cli.model_state import Models

NAMES_MAX: Final = 40
MARKS: Final = {"ok": "[green]ok[/]", "warn": "[yellow]warn[/]", "fail": "[bold red]fail[/]"}


def doctor(as_json: Json = False) -> None:
    """Check stores, clocks, disk and keys, and say which models can be used. Exit code 1 when something
    fails.
    """
    from ops.cli.checks import examine
    from ops.cli.model_state import examine_models
    from ops.cli.session import run_async, session

    with session(process="leyden doctor", migrate=False) as here:
        findings = run_async(examine(here))
        models = run_async(examine_models(here.settings, here.redis_url))
    failed = any(finding.verdict == "fail" for finding in findings)
    if as_json:
        print_json({"ok": not failed, "checks": findings, **models.as_json()})
    else:
        rows = [(MARKS[f.verdict], f.what, plain(f.found), plain(f.advice)) for f in findings]
        console.print(table("Doctor", ("", "what", "found", "advice"), rows))
        _show(models)
    if failed:
        raise typer.Exit(1)


def _show(models: "Models") -> None:
    rows = [
        (plain(provider), "[red]no[/]" if why else "[green]yes[/]", plain(why), _some(names))
        for provider, why, names in models.groups()
    ]
    console.print()
    console.print(table("Models", ("provider", "usable", "why not", "which"), rows))
    answers = [
        (alias.alias, alias.plan or "", plain(" → ".join(alias.chain) or "nobody"))
        for alias in models.aliases
    ]
    console.print()
    console.print(table("Who answers", ("alias", "plan", "models, best first"), answers))


def _some(names: list[str]) -> str:
    more = f" and {len(names) - NAMES_MAX} more" if len(names) > NAMES_MAX else ""
    return plain(", ".join(names[:NAMES_MAX]) + more)
