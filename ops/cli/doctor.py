"""`leyden doctor`: every setting that the promise depends on, asked of the servers themselves."""

from typing import Final

import typer

from ops.cli.output import Json, console, plain, print_json, table

MARKS: Final = {"ok": "[green]ok[/]", "warn": "[yellow]warn[/]", "fail": "[bold red]fail[/]"}


def doctor(as_json: Json = False) -> None:
    """Check stores, clocks, disk and keys. Exit code 1 when something fails."""
    from ops.cli.checks import examine
    from ops.cli.session import run_async, session

    with session(process="leyden doctor", migrate=False) as here:
        findings = run_async(examine(here))
    failed = any(finding.verdict == "fail" for finding in findings)
    if as_json:
        print_json({"ok": not failed, "checks": findings})
    else:
        rows = [(MARKS[f.verdict], f.what, plain(f.found), plain(f.advice)) for f in findings]
        console.print(table("Doctor", ("", "what", "found", "advice"), rows))
    if failed:
        raise typer.Exit(1)
