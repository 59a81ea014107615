"""`leyden`: the list of commands. Each loads what it needs when it is called, so `--help` is quick."""

import sys
from typing import NoReturn

import typer

from ops.base import garbage
from ops.cli import (
    appeals,
    bot,
    dead,
    demo,
    doctor,
    jobs,
    lanes,
    ledger,
    models,
    sandbox,
    serve,
    stars,
    status,
    support,
    up,
)
from ops.cli.output import errors, plain
from ops.cli.worker import worker
from schemas.errors import ConfigError, LeydenError, Refused
from schemas.texts import error_text

EXIT_FAILED = 1
EXIT_SETTING = 2
EXIT_CRASHED = 70
EXIT_INTERRUPTED = 130

app = typer.Typer(
    name="leyden",
    help="AI jobs for four apps that share one wallet and one workspace.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)
app.command(rich_help_panel="Start here")(demo.demo)
app.command(rich_help_panel="Start here")(up.up)
app.command(rich_help_panel="Processes")(serve.api)
app.command(rich_help_panel="Processes")(worker)
app.command(rich_help_panel="Processes")(bot.bot)
app.command(rich_help_panel="Processes")(sandbox.sandbox)
app.command(rich_help_panel="Processes")(serve.migrate)
app.command(rich_help_panel="Look and act")(status.status)
app.add_typer(jobs.app, name="jobs", rich_help_panel="Look and act")
app.add_typer(dead.app, name="dead", rich_help_panel="Look and act")
app.add_typer(bot.app, name="updates", rich_help_panel="Look and act")
app.add_typer(lanes.app, name="lanes", rich_help_panel="Look and act")
app.add_typer(ledger.app, name="ledger", rich_help_panel="Look and act")
app.add_typer(stars.app, name="stars", rich_help_panel="Look and act")
app.add_typer(appeals.app, name="appeals", rich_help_panel="Look and act")
app.add_typer(support.app, name="support", rich_help_panel="Look and act")
app.add_typer(models.app, name="models", rich_help_panel="Look and act")
app.command(rich_help_panel="Look and act")(doctor.doctor)


def run() -> None:
    """The entry point: whatever goes wrong in a foreseen way is one line and an exit code."""
    garbage.ease()
    try:
        app()
    except ConfigError as error:
        errors.print(f"[red]error[/] {plain(error)}", soft_wrap=True)
        sys.exit(EXIT_SETTING)
    except LeydenError as error:
        told = error_text(error) if isinstance(error, Refused) else f"{error}"
        errors.print(f"[red]error[/] {plain(told)} [dim]({plain(error.code)})[/]", soft_wrap=True)
        sys.exit(EXIT_FAILED)
    except KeyboardInterrupt:
        sys.exit(EXIT_INTERRUPTED)
    except Exception as error:  # noqa: BLE001 (the outermost frame of a process)
        _crash(error)


def _crash(error: Exception) -> NoReturn:
    """A mistake of ours: one line for people, the traceback for who asks for it."""
    from ops.base.logs import get_logger

    told = f"{type(error).__name__}: {error}".splitlines()[0]
    errors.print(f"[red]unexpected error[/] {plain(told)}", soft_wrap=True)
    errors.print("[dim]LEYDEN_LOG_LEVEL=debug shows where[/]")
    get_logger(__name__).debug("command.crashed", exc_info=error)
    sys.exit(EXIT_CRASHED)
