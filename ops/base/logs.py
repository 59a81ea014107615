"""Structured logs on stderr: one JSON object a line, or colours on a terminal.

Event names are `noun.verb_past`; ids are bound once per job. The last processor before the output
removes what must never be written: secrets by the name of their field, credentials by their shape.
It runs after tracebacks were rendered, because an error's text may quote an address too.
"""

import json
import logging
import re
import sys
from collections.abc import Mapping
from contextvars import ContextVar
from functools import lru_cache
from types import MappingProxyType
from typing import Any, ClassVar, Literal, TextIO, cast

import structlog
from pydantic_core import to_json
from structlog.typing import EventDict, FilteringBoundLogger, Processor, WrappedLogger

from ops.base import clock

REDACTED = "[redacted]"
PRIVATE_NAMES = frozenset(
    {
        "api_key", "authorization", "caption", "content", "cookie", "dsn", "input", "master_key",
        "message_text", "password", "payload", "private_key", "prompt", "result", "secret", "text",
        "title", "token",
    }
)  # fmt: skip
PRIVATE_ENDINGS = ("_token", "_secret", "_password", "_prompt", "_text", "_payload", "_api_key")

_URL_PASSWORD = re.compile(r"(\w+://[^\s/:@]*):[^\s/@]+@")
_BEARER = re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]+")
_SUSPICIOUS = re.compile(r"[:\s]")  # what each of these patterns needs, and ids and words have not
_BOT_TOKEN = re.compile(r"(?<!\d)\d{6,}:[\w-]{30,}")  # the shape of a Telegram bot's token

# Whose task this is. structlog keeps a variable for each field and looks through all there are, line by line.
_job: ContextVar[Mapping[str, object]] = ContextVar("job", default=MappingProxyType({}))

_QUIET_LOGGERS = {
    "httpx": logging.WARNING,
    "httpcore": logging.WARNING,
    "asyncio": logging.WARNING,
    "arq.worker": logging.WARNING,  # says twice of each cron job that it ran
    "asyncpg.pool": logging.ERROR,  # while Postgres is away: we count that, and say so ourselves
    "uvicorn.access": logging.WARNING,
    "uvicorn.error": logging.WARNING,  # is its name for whatever it says
}

Level = Literal["debug", "info", "warning", "error"]
Format = Literal["auto", "json", "console"]


def configure(level: Level = "info", fmt: Format = "auto", *, process: str = "leyden") -> None:
    """Set up structlog and the standard library's logging alike; calling again replaces it."""
    number = logging.getLevelNamesMapping()[level.upper()]
    console = fmt == "console" or (fmt == "auto" and sys.stderr.isatty())
    processors = _processors(process, console=console)
    structlog.configure(
        processors=processors,
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=_StderrLoggers(),
        cache_logger_on_first_use=False,
    )
    _route_stdlib(number, processors)
    _Logger.configured += 1


def get_logger(name: str) -> FilteringBoundLogger:
    """A logger whose lines carry `module=name`; works before `configure` too."""
    return cast("FilteringBoundLogger", _Logger(name))


def bind_job(*, job_id: str, user_id: int, kind: str, attempt: int, trace_id: str) -> None:
    """From now on every line written in this task, and in those it starts, names the job."""
    _job.set(
        {
            "job_id": job_id,
            "user_id": user_id,
            "kind": kind,
            "attempt": attempt,
            "trace_id": trace_id,
        }
    )


def redact(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """A processor: private fields lose their value, credentials inside any text are cut out."""
    for name, value in event.items():
        event[name] = _clean(value, name=name)
    return event


def redact_text(text: str) -> str:
    """`text` without passwords in addresses, bearer tokens and bot tokens."""
    if _SUSPICIOUS.search(text) is None:
        return text
    text = _URL_PASSWORD.sub(rf"\1:{REDACTED}@", text)
    text = _BEARER.sub(rf"\1 {REDACTED}", text)
    return _BOT_TOKEN.sub(REDACTED, text)


@lru_cache(maxsize=1_000)
def _is_private(name: str) -> bool:
    return name.lower() in PRIVATE_NAMES or name.lower().endswith(PRIVATE_ENDINGS)


def _clean(value: object, *, name: str = "") -> object:
    if _is_private(name):
        return REDACTED
    if isinstance(value, str):
        return redact_text(value)
    if isinstance(value, Mapping):
        return {key: _clean(inner, name=str(key)) for key, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_clean(inner) for inner in value]
    if isinstance(value, BaseException):
        return redact_text(repr(value))
    return value


def _to_json(event: EventDict, **_options: object) -> str:
    try:
        return to_json(event, fallback=str).decode()
    except ValueError:  # half of a surrogate pair, bytes that are no text
        return json.dumps(event, default=str)


def _processors(process: str, *, console: bool) -> list[Processor]:
    """What we add ourselves comes after the redaction: there is nothing to hide in it, and a look at every
    field is what a line costs most.
    """

    def add_our_own(_logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
        ours = {"level": method, "timestamp": clock.stamp()}
        return {"process": process, **_job.get(), **event, **ours}

    return [
        structlog.processors.format_exc_info,
        redact,
        add_our_own,
        structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
        if console
        else structlog.processors.JSONRenderer(serializer=_to_json),
    ]


def _add_module(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    event["module"] = event["_record"].name
    return event


def _route_stdlib(number: int, processors: list[Processor]) -> None:
    handler = _StderrHandler()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.processors.StackInfoRenderer(), _add_module],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *processors],
        )
    )
    root = logging.getLogger()
    for old in [each for each in root.handlers if isinstance(each, _StderrHandler)]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(number)
    for name, least in _QUIET_LOGGERS.items():
        logging.getLogger(name).setLevel(max(number, least))


class _Logger:
    """Bound once for each `configure`; structlog's own would be bound anew for every line."""

    configured: ClassVar[int] = 0

    def __init__(self, name: str) -> None:
        self._name = name
        self._bound_at = -1
        self._bound: Any = None

    def __getattr__(self, word: str) -> Any:
        if self._bound_at != _Logger.configured:
            self._bound = structlog.get_logger(module=self._name).bind()
            self._bound_at = _Logger.configured
        return getattr(self._bound, word)


class _Stderr:
    """Looked up at every line, so that a replaced stderr is honoured. Whoever says something goes on with
    its work where there is nobody to hear it any more.
    """

    def write(self, line: str) -> None:
        try:
            sys.stderr.write(line)
        except (OSError, ValueError):
            return

    def flush(self) -> None:
        try:
            sys.stderr.flush()
        except (OSError, ValueError):
            return


class _StderrLoggers:
    def __call__(self, *_args: object) -> structlog.WriteLogger:
        return structlog.WriteLogger(cast("TextIO", _Stderr()))


class _StderrHandler(logging.Handler):
    """The same for the standard library's records."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            stream: TextIO = sys.stderr
            stream.write(self.format(record) + "\n")
        except (OSError, ValueError):  # stderr is closed: there is nowhere left to say so
            self.handleError(record)
