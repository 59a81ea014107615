"""`leyden demo`: a new user runs one job of each kind through the whole ring, before your eyes."""

from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import typer

from ops.cli.output import Json, console

if TYPE_CHECKING:
    from ops.cli.session import Session
    from producers.desk import Desk
    from producers.request import SubmitRequest

TIMEOUT_S: Final = 180.0
STEM: Final = "demo"
CHAT_PAGE: Final = "http://127.0.0.1:8090/chat"


@dataclass(frozen=True, slots=True)
class Guest:
    """The new user of this demo and the folder for what is made."""

    name: str
    user_id: int
    folder: Path


def demo(as_json: Json = False) -> None:
    """See it work: one job of each kind on real input, from the queue to the receipt."""
    from ops.cli.session import run_async, session

    if not as_json:
        console.print("[bold]Leyden[/] one job of each kind, from the queue to the receipt\n")
        console.print("[dim]starting PostgreSQL and Valkey ...[/]")
    with session(process="leyden demo") as here:
        ok = run_async(_play(here, live=not as_json))
    if not as_json:
        console.print(
            "\n[bold]Talk to the bots:[/] run `make dev` (`leyden up`) and open "
            f"{CHAT_PAGE}. No token or account is needed.",
            soft_wrap=True,
        )
    if not ok:
        raise typer.Exit(1)


async def _play(here: "Session", *, live: bool) -> bool:
    """True when every job succeeded and the book is sound."""
    from ops.cli.demo_report import Report
    from ops.cli.submission import ensure_worker
    from ops.cli.watch import watch

    async with AsyncExitStack() as stack:
        desk = await stack.enter_async_context(here.desk())
        guest = await _welcome(here, desk)
        report = Report(desk, guest.user_id, guest.name, live=live)
        await report.before()
        await ensure_worker(stack, here, desk)
        names = {}
        for wish in await _wishes(desk, guest):
            accepted = await desk.intake.submit(wish)
            names[accepted.job_id] = wish.kind
        views = await watch(desk, guest.user_id, names, timeout_s=TIMEOUT_S, live=live)
        return await report.after(views, folder=guest.folder, database_url=here.database_url)


async def _welcome(here: "Session", desk: "Desk") -> Guest:
    """Names are counted up, so that a second demo keeps what the first one made."""
    created = False
    name = ""
    user_id = 0
    while not created:  # somebody else's demo may take the same name at the same moment
        name = await desk.users.next_free("dev", STEM)
        met = await desk.users.ensure("dev", name)
        user_id, created = met.user_id, met.created
    return Guest(name, user_id, here.settings.data_dir / "out" / name)


async def _wishes(desk: "Desk", guest: Guest) -> list["SubmitRequest"]:
    """One of each kind but posting, on real input, spread over the four apps of one wallet."""
    import asyncio

    from ops import samples
    from producers.request import SubmitRequest
    from schemas.money import App

    photo = await desk.receive(guest.user_id, await asyncio.to_thread(samples.photo))
    paper = await desk.receive(guest.user_id, await asyncio.to_thread(samples.pdf))
    edits = [
        {"op": "crop", "left": 0.08, "right": 0.92, "top": 0.1, "bottom": 0.95},
        {"op": "tone", "contrast": 1.15, "saturation": 1.1},
        {"op": "sharpen", "amount": 1.2},
        {"op": "caption", "text": "Charged by Leyden"},
    ]
    inputs: tuple[tuple[str, App, dict[str, Any]], ...] = (
        ("text.improve", App.TEXT_AI, {"text": samples.TEXT_WITH_MISTAKES}),
        ("text.generate", App.PENORA, {"prompt": "How a Leyden jar stores charge", "pages": 2}),
        ("image.generate", App.IMAGEGENE, {"prompt": "a lighthouse above a stormy sea at dusk"}),
        ("image.edit", App.IMAGEGENE, {"file": str(photo.id), "operations": edits}),
        ("image.analyze", App.VIAIZER, {"file": str(photo.id)}),
        ("video.generate", App.VIAIZER, {"file": str(photo.id), "seconds": 3}),
        ("file.process", App.PENORA, {"file": str(paper.id), "action": "outline"}),
    )
    return [SubmitRequest(guest.user_id, app, kind, body) for kind, app, body in inputs]
