"""A job from the words of a command line: its input, its file, its worker if none is alive, its results."""

import json
import sys
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ops.cli.output import amount, console, plain, state
from schemas.errors import InvalidInput
from schemas.jobs import Kind, State
from schemas.money import App

if TYPE_CHECKING:
    from ops.cli.session import Session
    from producers.desk import Desk
    from producers.request import SubmitRequest
    from storage.results import JobView

APP_OF_KIND: Final[dict[Kind, App]] = {
    Kind.TEXT_IMPROVE: App.PENORA,
    Kind.TEXT_GENERATE: App.PENORA,
    Kind.FILE_PROCESS: App.PENORA,
    Kind.IMAGE_GENERATE: App.IMAGEGENE,
    Kind.IMAGE_EDIT: App.IMAGEGENE,
    Kind.IMAGE_ANALYZE: App.IMAGEGENE,
    Kind.VIDEO_GENERATE: App.VIAIZER,
    Kind.POST_PUBLISH: App.TEXT_AI,
}
READS_TEXT: Final = frozenset({Kind.TEXT_IMPROVE, Kind.POST_PUBLISH})


@dataclass(frozen=True, slots=True)
class Submission:
    kind: Kind
    app: App | None
    user: str
    file: Path | None
    text: str | None
    prompt: str | None
    operations: tuple[str, ...]
    options: tuple[str, ...]
    key: str | None


async def submit_and_wait(
    here: "Session", wish: Submission, *, wait: bool, timeout_s: float, live: bool
) -> dict[str, Any]:
    """The job as `--json` shows it. Raises Refused, Unavailable."""
    async with AsyncExitStack() as stack:
        desk = await stack.enter_async_context(here.desk())
        user_id = (await desk.users.ensure("dev", wish.user)).user_id
        accepted = await desk.intake.submit(await _request(desk, user_id, wish))
        if live:
            told = f"{amount(accepted.price_units)} {accepted.currency}"
            console.print(f"[bold]{accepted.job_id}[/] {accepted.state}, quoted {told}")
        if not wait:
            return {"id": accepted.job_id, "state": accepted.state, "price": accepted.price_units}
        await ensure_worker(stack, here, desk)
        names = {accepted.job_id: wish.kind.value}
        view = await _ended(desk, user_id, names, timeout_s=timeout_s, live=live)
        folder = here.settings.data_dir / "out" / wish.user
        return await _conclude(desk, user_id, view, folder, live=live)


async def ensure_worker(stack: AsyncExitStack, here: "Session", desk: "Desk") -> None:
    """A worker that lives somewhere, or one of our own until this command ends."""
    from ops.cli import children

    if not await desk.queue.workers():
        log = here.settings.data_dir / "worker.log"
        await stack.enter_async_context(children.worker(log, grace_s=here.settings.grace_s))


async def _ended(
    desk: "Desk", user_id: int, names: dict[Any, str], *, timeout_s: float, live: bool
) -> "JobView":
    from ops.cli.watch import watch
    from schemas.errors import Unavailable

    try:
        return (await watch(desk, user_id, names, timeout_s=timeout_s, live=live))[0]
    except TimeoutError as error:
        raise Unavailable(store="worker", reason=f"no end within {timeout_s:.0f} s") from error


async def _conclude(
    desk: "Desk", user_id: int, view: "JobView", folder: Path, *, live: bool
) -> dict[str, Any]:
    from ops.cli.results import save, text_of, told

    stem = f"{view.kind.value}-{view.id.hex[-6:]}"
    paths = await save(desk, user_id, view, folder, stem=stem)
    receipt = await desk.receipts.of_job(view.id, user_id=user_id)
    if live:
        charged = f"{amount(receipt.captured_units)} {receipt.currency.value}"
        console.print(f"\n{state(view.state.value)}: {charged} charged. {plain(receipt.explain())}")
        if (
            view.result
            and view.state is State.SUCCEEDED
            and (words := text_of(view.result).strip())
        ):
            console.print(f"\n{plain_lines(words)}\n", soft_wrap=True)
        for path in paths:
            console.print(plain(told([path], root=Path.cwd())), soft_wrap=True)
    return {
        "id": view.id,
        "state": view.state,
        "price": view.price_units,
        "captured": view.captured_units,
        "code": view.code,
        "why": receipt.explain(),
        "files": [str(path) for path in paths],
    }


def plain_lines(text: str) -> str:
    return "\n".join(plain(line) for line in text.splitlines())


async def _request(desk: "Desk", user_id: int, wish: Submission) -> "SubmitRequest":
    from producers.request import SubmitRequest

    body: dict[str, Any] = dict(parse_option(option) for option in wish.options)
    if wish.operations:
        body["operations"] = [parse_operation(words) for words in wish.operations]
    if wish.prompt is not None:
        body["prompt"] = wish.prompt
    if wish.text is not None:
        body["text"] = sys.stdin.read() if wish.text == "-" else wish.text
    if wish.file is not None:
        data = wish.file.read_bytes()
        if wish.kind in READS_TEXT:
            body["text"] = _decoded(data)
        else:
            body["file"] = str((await desk.receive(user_id, data)).id)
    app = wish.app or APP_OF_KIND[wish.kind]
    return SubmitRequest(user_id, app, wish.kind.value, body, key=wish.key)


def parse_operation(words: str) -> dict[str, Any]:
    """`resize:width=800,height=600` -> {"op": "resize", "width": 800, "height": 600}."""
    name, _, rest = words.partition(":")
    fields = dict(parse_option(field) for field in rest.split(",") if field)
    return {"op": name.strip(), **fields}


def parse_option(words: str) -> tuple[str, Any]:
    """`pages=2` -> ("pages", 2); what is no JSON is text. Raises InvalidInput without `=`."""
    name, equals, value = words.partition("=")
    if not equals:
        raise InvalidInput("invalid_input", problem=f"`{words}` should be name=value")
    try:
        return name.strip(), json.loads(value)
    except ValueError:
        return name.strip(), value


def _decoded(data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidInput("wrong_file_type", media_type="not UTF-8 text") from error
