"""The front page: says what this is, and shows the newest orders, calls and the dial. No script."""

from datetime import UTC, datetime
from html import escape
from itertools import islice
from typing import Any, Final

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import HTMLResponse

from ops.sandbox.faults import FAULTS
from ops.sandbox.operations import KIE_PREFIX, OPENAI_PREFIX, OPENROUTER_PREFIX
from ops.sandbox.world import World

router = APIRouter()
SHOWN: Final = 50

_STYLE: Final = """
:root { color-scheme: light dark; --line: #8884; --loud: #b45309; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 76rem; margin: 0 auto; padding: 1.5rem; }
.sign { border: 3px solid var(--loud); border-radius: .5rem; padding: .75rem 1rem; }
.sign strong { color: var(--loud); font-size: 1.25rem; }
h2 { margin: 2rem 0 .5rem; font-size: 1.1rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: 13px; }
th, td { text-align: left; padding: .3rem .6rem; border-bottom: 1px solid var(--line); vertical-align: top; }
td:first-child { white-space: nowrap; }
code { font: 12px ui-monospace, monospace; overflow-wrap: break-word; }
.none { opacity: .65; }
"""


@router.get("/", response_class=HTMLResponse, include_in_schema=False)
async def front(request: Request) -> str:
    world: World = request.state.world
    base = str(request.base_url).rstrip("/")
    body = "".join(
        (
            _sign(base),
            _orders(world),
            _rules(world),
            _calls(world),
            _dial(),
        )
    )
    head = f'<meta charset="utf-8"><title>Leyden sandbox</title><style>{_STYLE}</style>'
    viewport = '<meta name="viewport" content="width=device-width, initial-scale=1">'
    return f'<!doctype html><html lang="en"><head>{head}{viewport}</head><body>{body}</body></html>'


def _sign(base: str) -> str:
    rows = [
        ["OpenAI", f"{base}{OPENAI_PREFIX}"],
        ["OpenRouter", f"{base}{OPENROUTER_PREFIX}"],
        ["kie.ai", f"{base}{KIE_PREFIX}"],
    ]
    links = '<a href="/_sandbox/journal">journal</a>, <a href="/_sandbox/calls">calls</a>, '
    links += '<a href="/_sandbox/faults">faults</a>, <a href="/_sandbox/limits">limits</a>, '
    links += '<a href="/_sandbox/timing">timing</a> and <a href="/openapi.json">all paths</a>.'
    return (
        '<h1>Leyden sandbox</h1><p class="sign"><strong>This is a sandbox: nothing here is a real '
        "provider.</strong><br>Answers are made up on this machine, no model is asked and no money "
        f"is spent. Prices are what the real ones would have charged.</p>{_table(['plays', 'at'], rows)}"
        f"<p>{links}</p>"
    )


def _orders(world: World) -> str:
    purchases = world.journal.all()
    rows = [
        [_time(one.at), one.provider, one.operation, one.model, one.id, f"{one.price_usd:.6f}",
         f"{one.charged_usd:.6f}", one.client_reference]
        for one in islice(reversed(purchases), SHOWN)
    ]  # fmt: skip
    total = sum(one.charged_usd for one in purchases)
    heads = [
        "time (UTC)",
        "provider",
        "operation",
        "model",
        "id",
        "price $",
        "charged $",
        "reference",
    ]
    title = f"<h2>Journal: {len(purchases)} bought, {total:.4f} $ charged</h2>"
    return title + _table(heads, rows)


def _rules(world: World) -> str:
    rows = [
        [_matched(rule["match"]), f"{rule['fault']}={rule['value']}", rule["times"] or "always",
         rule["probability"], rule["seen"], rule["fired"]]
        for rule in world.dial.shown()
    ]  # fmt: skip
    heads = ["match", "fault", "times", "probability", "seen", "struck"]
    return "<h2>Fault rules in force</h2>" + _table(heads, rows)


def _calls(world: World) -> str:
    rows = [
        [_time(call.at), call.direction, call.method, call.path, call.model,
         call.status or "no answer", ", ".join(call.applied), call.bought]
        for call in world.calls.newest(SHOWN)
    ]  # fmt: skip
    heads = ["time (UTC)", "way", "method", "path", "model", "status", "faults", "bought"]
    return "<h2>Newest calls</h2>" + _table(heads, rows)


def _dial() -> str:
    rows = [[name, kind.default, kind.buys, kind.what] for name, kind in FAULTS.items()]
    heads = ["fault", "default value", "bought", "what happens"]
    hint = "<p>Per request: <code>X-Sandbox-Fault: name=value, name</code>. "
    hint += "By rule: <code>PUT /_sandbox/faults</code>.</p>"
    return "<h2>The fault dial</h2>" + hint + _table(heads, rows)


def _matched(match: dict[str, Any]) -> str:
    told = [f"{name}={value}" for name, value in match.items() if value is not None]
    return ", ".join(told) or "everything"


def _table(heads: list[str], rows: list[list[Any]]) -> str:
    if not rows:
        return '<p class="none">None.</p>'
    head = "".join(f"<th>{escape(one)}</th>" for one in heads)
    lines = "".join(f"<tr>{''.join(_cell(value) for value in row)}</tr>" for row in rows)
    return f'<div class="wide"><table><tr>{head}</tr>{lines}</table></div>'


def _cell(value: object) -> str:
    return f"<td><code>{escape(str(value))}</code></td>"


def _time(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%m-%d %H:%M:%S")
