"""`leyden models`: what the catalogue has, whether it still holds, and bringing its prices up to date."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Literal

import typer

from ops.cli.output import Json, console, plain, print_json, table

if TYPE_CHECKING:
    from ops.base.accounts import Endpoint
    from ops.base.settings import Settings
    from ops.cli.checks import Finding
    from ops.cli.model_file import Change, Diff
    from schemas.catalogue import Catalogue

app = typer.Typer(
    help="Models: what there is, what it costs, what can be used.", no_args_is_help=True
)

MARKS: Final = {"ok": "[green]ok[/]", "warn": "[yellow]warn[/]", "fail": "[bold red]fail[/]"}
Purpose = Literal["text", "image", "edit", "vision", "video", "file", "moderation"]


@app.command("list")
def list_(
    purpose: Annotated[
        Purpose | None, typer.Option("--for", help="Only models that can do this.")
    ] = None,
    usable: Annotated[bool, typer.Option("--usable", help="Only what can be used now.")] = False,
    as_json: Json = False,
) -> None:
    """Every model with its price in credits, and why one cannot be used."""
    from ops.base.accounts import available
    from ops.base.clock import now
    from ops.base.settings import load_settings
    from ops.cli.model_state import alias_states, model_states
    from schemas.catalogue import catalogue

    keys, book, today = available(load_settings()), catalogue(), now().date()
    states = [
        state
        for state in model_states(book, available=keys, today=today)
        if (purpose is None or purpose in state.serves) and (state.usable or not usable)
    ]
    aliases = alias_states(book, available=keys, today=today)
    if as_json:
        print_json({"version": book.version, "models": states, "aliases": aliases})
        return
    rows = [
        (
            f"[bold]{state.name}[/]" if state.usable else f"[dim]{state.name}[/]",
            ", ".join(state.serves),
            state.provider,
            "free" if state.free else state.price,
            f"{state.context:,}" if state.context else "",
            _told(state.why, state.name, state.answers),
        )
        for state in states
    ]
    columns = ("model", "for", "provider", ">credits", ">context", "")
    console.print(table(f"Models (catalogue {book.version})", columns, rows))
    console.print(
        "\n[dim]credits for a million tokens in / out, for a picture, or for a second;"
        " an alias and what is local cost the tariff[/]"
    )
    shown = [
        (alias.alias, alias.plan or "", " → ".join(alias.chain) or "nobody") for alias in aliases
    ]
    console.print(table("\nAliases", ("alias", "plan", "who answers"), shown))


@app.command()
def check(as_json: Json = False) -> None:
    """Check the catalogue, and ask the providers with a key. Exit code 1 when something fails."""
    from ops.base.accounts import PAID, endpoints, key_setting
    from ops.base.clock import now
    from ops.base.settings import load_settings
    from ops.cli.checks import Finding
    from ops.cli.model_checks import check_data
    from ops.cli.session import run_async
    from schemas.catalogue import catalogue

    book, accounts = catalogue(), endpoints(load_settings())
    findings = check_data(book, today=now().date())
    findings += run_async(_ask_all(book, accounts))
    findings += [
        Finding("ok", name, "not asked", f"{key_setting(name)} is not set")
        for name in PAID
        if name not in accounts
    ]
    failed = any(finding.verdict == "fail" for finding in findings)
    if as_json:
        print_json({"ok": not failed, "checks": findings})
    else:
        rows = [
            (MARKS[f.verdict], plain(f.what), plain(f.found), plain(f.advice)) for f in findings
        ]
        console.print(table("Models", ("", "what", "found", "advice"), rows))
    if failed:
        raise typer.Exit(1)


@app.command()
def refresh(
    file: Annotated[
        Path | None, typer.Option(help="The catalogue to change. [default: the one in use]")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Write without asking.")] = False,
    jumps: Annotated[
        bool, typer.Option("--jumps", help="Write prices that changed more than fivefold, too.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Read OpenRouter's list, show what has changed, and write it when told to."""
    from ops.base.clock import now
    from ops.base.settings import load_settings
    from ops.cli.model_file import applied, compare, write
    from ops.cli.model_lists import openrouter_list
    from ops.cli.session import run_async
    from schemas.data import path_of

    path = file or path_of("models.yaml")
    text, book = _read(path)
    diff = compare(book, run_async(openrouter_list(_public(load_settings()))))
    wanted = [change for change in diff.changes if jumps or not change.jump]
    if not as_json:
        _show(diff)
    written = bool(wanted) and (yes or (not as_json and _agreed(len(wanted), path)))
    if written:
        write(path, applied(text, wanted, today=now().date()))
    if as_json:
        print_json(
            {"changes": diff.changes, "gone": diff.gone, "new": diff.new, "written": written}
        )
    elif written:
        console.print(f"written to {plain(path)}; processes read it when they start")


def _agreed(count: int, path: Path) -> bool:
    import sys

    if not sys.stdin.isatty():
        console.print("nothing is written without --yes")
        return False
    return typer.confirm(f"Write {count} changes to {path}?", default=False)


def _show(diff: "Diff") -> None:
    def row(change: "Change") -> tuple[str, ...]:
        mark = "[bold yellow]a jump: --jumps[/]" if change.jump else ""
        return change.name, change.field, plain(change.was), plain(change.now), mark

    if diff.changes:
        columns = ("model", "what", ">was", ">is", "")
        console.print(table("OpenRouter", columns, map(row, diff.changes)))
    else:
        console.print("nothing has changed at OpenRouter")
    if diff.gone:
        console.print(f"[yellow]not listed any more:[/] {plain(', '.join(diff.gone))}")
    console.print(f"[dim]{diff.new} models there are not in the catalogue[/]")


def _read(path: Path) -> "tuple[str, Catalogue]":
    """Raises ConfigError for a file that is not there or no catalogue."""
    import yaml
    from pydantic import ValidationError

    from schemas.catalogue import Catalogue
    from schemas.data import parse_yaml
    from schemas.errors import ConfigError

    try:
        text = path.read_text(encoding="utf-8")
        return text, Catalogue.model_validate(parse_yaml(text))
    except OSError as error:
        raise ConfigError(setting=str(path), problem=f"cannot be read ({error.strerror})") from None
    except (ValidationError, yaml.YAMLError, UnicodeDecodeError):
        raise ConfigError(setting=str(path), problem="is not a catalogue of models") from None


def _public(settings: "Settings") -> "Endpoint":
    """OpenRouter's list needs no key."""
    from ops.base.accounts import Endpoint, endpoints

    known = endpoints(settings).get("openrouter")
    return known or Endpoint("openrouter", settings.openrouter_base_url, "")


async def _ask_all(book: "Catalogue", accounts: "dict[str, Endpoint]") -> "list[Finding]":
    import asyncio

    from ops.cli.model_lists import check_provider

    asked = [check_provider(book, endpoint) for endpoint in accounts.values()]
    return [finding for found in await asyncio.gather(*asked) for finding in found]


def _told(why: str, name: str, answers: str | None) -> str:
    stands_in = f"; {answers} answers" if answers and answers != name and why else ""
    return plain(why + stands_in)
