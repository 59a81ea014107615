"""Logs: one JSON object a line, ids bound once, nothing private in any of them."""

import asyncio
import io
import json
import logging
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from ops.base import clock
from ops.base.logs import REDACTED, bind_job, configure, get_logger, redact_text

JOB = UUID("01890a5d-ac96-774b-bcce-b302099a8057")
BOT_TOKEN = "123456789:" + "AbCdEfGhIjKlMnOpQrStUvWxYz012345678"


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    yield
    root.handlers[:], root.level = before, level
    configure("info", "json", process="tests")


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    captured = capsys.readouterr()
    assert captured.out == "", "logs belong on stderr: stdout is for answers"
    return [json.loads(line) for line in captured.err.splitlines()]


def test_a_logger_that_has_written_heeds_what_is_configured_anew(
    capsys: pytest.CaptureFixture[str],
) -> None:
    log = get_logger("workers.pipeline")
    configure("warning", "json", process="first")
    log.info("job.started")
    configure("info", "json", process="second")
    log.info("job.started")
    assert [line["process"] for line in lines(capsys)] == ["second"]


def test_a_logger_that_has_written_says_the_next_line_where_stderr_is_then(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    log = get_logger("workers.pipeline")
    configure("info", "json", process="worker")
    for _ in range(2):
        with monkeypatch.context() as patch:
            patch.setattr(sys, "stderr", heard := io.StringIO())
            log.info("job.started")
            assert "job.started" in heard.getvalue()


class Hung(io.StringIO):
    """The other end of the pipe has gone."""

    def write(self, _line: str) -> int:
        raise BrokenPipeError


def test_who_cannot_be_heard_goes_on_with_its_work(monkeypatch: pytest.MonkeyPatch) -> None:
    configure("info", "json", process="worker")
    closed = io.StringIO()
    closed.close()
    for gone in (closed, Hung()):
        with monkeypatch.context() as patch:
            patch.setattr(sys, "stderr", gone)
            get_logger("workers.pipeline").info("job.started")


def test_a_line_has_event_level_time_process_and_module(
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure("info", "json", process="worker")
    get_logger("workers.pipeline").info("job.started", lane="text")
    (line,) = lines(capsys)
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "event": "job.started", "level": "info", "process": "worker",
        "module": "workers.pipeline", "lane": "text",
    }  # fmt: skip


def test_a_line_says_how_grave_it_is_and_of_what_moment(
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure("debug", "json")
    log = get_logger("x")
    words = ["debug", "info", "warning", "error", "critical"]
    for word in words:
        getattr(log, word)("job.started")
    try:
        raise ZeroDivisionError
    except ZeroDivisionError:
        log.exception("job.crashed")
    said = lines(capsys)
    assert [line["level"] for line in said] == [*words, "error"]
    for line in said:
        age = clock.now() - datetime.fromisoformat(line["timestamp"])
        assert abs(age) < timedelta(minutes=1)  # of a clock that somebody may set meanwhile


def test_a_logger_made_before_configure_follows_it(capsys: pytest.CaptureFixture[str]) -> None:
    early = get_logger("early")
    configure("warning", "json")
    early.info("job.started")
    early.warning("job.retried")
    assert [line["event"] for line in lines(capsys)] == ["job.retried"]


def test_the_standard_library_is_routed_in_once(capsys: pytest.CaptureFixture[str]) -> None:
    configure("info", "json", process="api")
    configure("info", "json", process="api")
    logging.getLogger("somebody.else").warning("lost %s", "redis://me:hunter2@host/0")
    (line,) = lines(capsys)
    assert line["event"] == f"lost redis://me:{REDACTED}@host/0"
    assert (line["module"], line["process"], line["level"]) == ("somebody.else", "api", "warning")


def test_lines_of_a_job_name_it_and_only_those(capsys: pytest.CaptureFixture[str]) -> None:
    configure("info", "json")
    log = get_logger("x")

    async def run(kind: str) -> None:
        bind_job(job_id=str(JOB), user_id=7, kind=kind, attempt=2, trace_id="t1")
        await asyncio.sleep(0)
        log.info("job.started")

    async def both() -> None:
        await asyncio.gather(run("text.improve"), run("image.edit"))
        log.info("worker.drained")

    asyncio.run(both())
    first, second, last = lines(capsys)
    assert (first["kind"], second["kind"]) == ("text.improve", "image.edit")
    assert first["job_id"] == str(JOB)
    assert (first["user_id"], first["attempt"], first["trace_id"]) == (7, 2, "t1")
    assert "job_id" not in last


def test_what_is_no_text_is_still_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    """Half of a surrogate pair, as Telegram cuts them, and bytes that nobody can read."""
    configure("info", "json")
    get_logger("x").info("update.odd", cut="\ud83d", raw=b"\xff")
    (line,) = lines(capsys)
    assert (line["event"], line["cut"], line["raw"]) == ("update.odd", "\ud83d", "b'\\xff'")


@pytest.mark.parametrize(
    "name",
    ["token", "lease_token", "Authorization", "prompt", "text", "payload", "master_key",
     "password", "bot_token", "openai_api_key", "input", "result", "title"],
)  # fmt: skip
@pytest.mark.parametrize("value", ["hunter2", {"a": "hunter2"}, ["hunter2"], b"hunter2"])
def test_private_fields_lose_their_value(
    capsys: pytest.CaptureFixture[str], name: str, value: object
) -> None:
    configure("info", "json")
    get_logger("x").info("call.made", **{name: value}, nested=[{"deep": {name: value}}])
    (line,) = lines(capsys)
    assert line[name] == REDACTED
    assert line["nested"] == [{"deep": {name: REDACTED}}]


def test_counts_beside_private_names_stay(capsys: pytest.CaptureFixture[str]) -> None:
    configure("info", "json")
    get_logger("x").info("call.made", tokens_in=12, text_length=7, price_units=10_000)
    (line,) = lines(capsys)
    assert (line["tokens_in"], line["text_length"], line["price_units"]) == (12, 7, 10_000)


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("postgres://leyden:p%40ss@db:5432/x", f"postgres://leyden:{REDACTED}@db:5432/x"),
        ("redis://:hunter2@h and redis://:b@i", f"redis://:{REDACTED}@h and redis://:{REDACTED}@i"),
        ("postgres://leyden@/leyden?host=/tmp/s", "postgres://leyden@/leyden?host=/tmp/s"),
        ("http://host:8080/a@b", "http://host:8080/a@b"),
        ("Authorization: Bearer abc.def-1", f"Authorization: Bearer {REDACTED}"),
        (f"https://api.example/bot{BOT_TOKEN}/getMe", f"https://api.example/bot{REDACTED}/getMe"),
    ],
)
def test_credentials_are_cut_out_of_texts(said: str, kept: str) -> None:
    assert redact_text(said) == kept


def test_a_traceback_is_kept_without_its_credentials(capsys: pytest.CaptureFixture[str]) -> None:
    configure("info", "json")
    address = "postgres://leyden:" + "hunter2@db/x"
    try:
        raise OSError("cannot reach " + address)  # the address is in the message, not in the source
    except OSError as error:
        get_logger("x").exception("store.lost", error=error)
    (line,) = lines(capsys)
    assert "Traceback" in line["exception"]
    assert "test_base_logs.py" in line["exception"]
    assert "hunter2@" not in json.dumps(line)
    assert f"leyden:{REDACTED}@db/x" in line["exception"]


def test_ids_are_written_as_text(capsys: pytest.CaptureFixture[str]) -> None:
    configure("info", "json")
    get_logger("x").info("job.started", other=JOB)
    assert lines(capsys)[0]["other"] == str(JOB)


def test_a_broken_character_cannot_break_the_line(capsys: pytest.CaptureFixture[str]) -> None:
    configure("info", "json")
    get_logger("x").info("name.seen", name="a\ud800\nb")
    assert lines(capsys)[0]["name"] == "a\ud800\nb"


def test_the_console_is_readable_and_just_as_silent(capsys: pytest.CaptureFixture[str]) -> None:
    configure("info", "console")
    get_logger("x").info("job.started", token="hunter2", lane="text")
    shown = capsys.readouterr().err
    assert "job.started" in shown
    assert "lane=text" in shown
    assert "hunter2" not in shown


def test_auto_is_json_where_nobody_watches(capsys: pytest.CaptureFixture[str]) -> None:
    configure("info", "auto")
    get_logger("x").info("job.started")
    assert lines(capsys)[0]["event"] == "job.started"
