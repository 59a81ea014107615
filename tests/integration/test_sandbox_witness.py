"""The sandbox as a witness and a tool: its journal outlives it, its dial does what its rules say."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import pytest

from ops.sandbox import Sandbox, running_sandbox
from ops.sandbox.faults import FAULTS
from ops.sandbox.journal import Journal
from schemas.errors import ConfigError

BANANA: dict[str, Any] = {"model": "nano-banana-2", "input": {"prompt": "a fox"}}
KEY = {"Authorization": "Bearer test"}
DOCS = Path(__file__).parents[2] / "docs" / "sandbox.md"


@pytest.fixture
def sandbox(sandbox: Sandbox) -> Sandbox:
    sandbox.set_limits(enabled=False)
    return sandbox


@cache
def http() -> httpx.Client:
    """One client for the whole file: making one costs more than most requests."""
    return httpx.Client(headers=KEY, timeout=20)


@pytest.fixture(scope="module", autouse=True)
def closed_at_the_end() -> Iterator[None]:
    """A process of tests may be given more of this file when it had thought it was through."""
    yield
    http().close()
    http.cache_clear()


def create(sandbox: Sandbox, fault: str = "latency=0", prompt: str = "a fox") -> httpx.Response:
    body = {**BANANA, "input": {"prompt": prompt}}
    headers = {"X-Sandbox-Fault": fault}
    return http().post(f"{sandbox.kie_url}/api/v1/jobs/createTask", json=body, headers=headers)


def ask(sandbox: Sandbox, text: str = "hello", model: str = "gpt-6-luna") -> int:
    body = {"model": model, "messages": [{"role": "user", "content": text}]}
    url = f"{sandbox.openai_url}/chat/completions"
    return http().post(url, json=body).status_code


def poll(sandbox: Sandbox, task_id: str) -> dict[str, Any]:
    url = f"{sandbox.kie_url}/api/v1/jobs/recordInfo"
    answer = http().get(url, params={"taskId": task_id}).json()
    data: dict[str, Any] = answer["data"]
    return data


def test_a_kill_right_after_the_answer_loses_nothing(sandbox: Sandbox) -> None:
    """Not one of many orders, nor the fate of a task; half a line of the journal is dropped."""
    path = sandbox.journal_path
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: create(sandbox).json(), range(40)))
    answers.append(create(sandbox, "task_failed").json())
    told = [answer["data"]["taskId"] for answer in answers]
    sound, done, doomed = told[0], told[1], told[-1]
    finished = [poll(sandbox, done) for _ in range(2)][1]
    sandbox.kill()
    on_disk = [json.loads(line) for line in path.read_text().splitlines()]
    assert {line["id"] for line in on_disk} == set(told)
    with path.open("a") as file:
        file.write('{"event": "bought", "id": "ha')
    sandbox.restart()
    assert {row["id"] for row in sandbox.journal()} == set(told)
    assert poll(sandbox, done)["completeTime"] == finished["completeTime"]
    assert [poll(sandbox, sound)["state"] for _ in range(2)] == ["generating", "success"]
    assert [poll(sandbox, doomed)["state"] for _ in range(2)] == ["generating", "fail"]
    assert http().get(json.loads(finished["resultJson"])["resultUrls"][0]).status_code == 200
    create(sandbox)
    assert len(sandbox.journal()) == len(told) + 1
    assert all(json.loads(line) for line in path.read_text().splitlines())


@pytest.mark.parametrize(
    "text",
    [
        "no json\n",
        '{"event": "bought", "id": "x"}\n',
        '{"id": "x"}\n',
        "[]\n",
        "a letter",
        '{"e": 1}',
    ],
)
def test_a_file_that_is_no_journal_is_not_touched(tmp_path: Path, text: str) -> None:
    path = tmp_path / "notes.txt"
    path.write_text(text)
    with pytest.raises(ConfigError, match="no journal"):
        Journal(path)
    assert path.read_text() == text


def test_a_folder_is_no_journal(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be written"):
        Journal(tmp_path)


def test_two_sandboxes_do_not_share_a_journal(sandbox: Sandbox) -> None:
    with pytest.raises(ConfigError, match="another sandbox"):
        Journal(sandbox.journal_path)


def test_a_taken_port_is_an_error(sandbox: Sandbox) -> None:
    port = httpx.URL(sandbox.url).port or 0
    with pytest.raises(ConfigError), running_sandbox(port=port):
        pass


def test_the_journal_can_be_emptied(sandbox: Sandbox) -> None:
    create(sandbox)
    assert http().delete(f"{sandbox.url}/_sandbox/journal").status_code == 204
    assert sandbox.journal() == []
    assert sandbox.journal_path.read_bytes() == b""
    create(sandbox)
    assert len(sandbox.journal()) == 1


def test_calls_hold_what_was_refused_too(sandbox: Sandbox) -> None:
    create(sandbox)
    create(sandbox, "server_error")
    ask(sandbox, model="none")
    found = [
        (call["provider"], call["operation"], call["status"], bool(call["bought"]))
        for call in sandbox.calls()
    ]
    assert found == [
        ("kie", "task", 200, True),
        ("kie", "task", 503, False),
        ("openai", "chat", 404, False),
    ]
    assert http().delete(f"{sandbox.url}/_sandbox/calls").status_code == 204
    assert sandbox.calls() == []


def test_a_path_that_nobody_plays_says_so(sandbox: Sandbox) -> None:
    answer = http().post(f"{sandbox.openai_url}/videos")
    assert answer.status_code == 404
    assert "does not play" in answer.json()["error"]["message"]
    assert [call["status"] for call in sandbox.calls()] == [404]


def test_a_rule_strikes_so_many_times(sandbox: Sandbox) -> None:
    sandbox.set_faults({"fault": "server_error", "value": 500, "times": 3})
    assert [ask(sandbox) for _ in range(5)] == [500, 500, 500, 200, 200]
    [rule] = sandbox.faults()
    assert (rule["seen"], rule["fired"]) == (5, 3)


@pytest.mark.parametrize(
    ("match", "struck"),
    [
        ({"prompt": "beta"}, [200, 503, 200]),
        ({"model": "gpt-6.*"}, [200, 200, 503]),
        ({"nth": 2}, [200, 503, 200]),
        ({"provider": "kie"}, [200, 200, 200]),
        ({"path": "*/chat/*", "method": "post"}, [503, 503, 503]),
        ({"operation": "image"}, [200, 200, 200]),
    ],
)
def test_a_rule_strikes_what_it_matches(
    sandbox: Sandbox, match: dict[str, Any], struck: list[int]
) -> None:
    sandbox.set_faults({"match": match, "fault": "server_error"})
    found = [ask(sandbox, "alpha"), ask(sandbox, "beta"), ask(sandbox, "c", "gpt-6.1-terra")]
    assert found == struck


def test_luck_repeats_with_its_seed(sandbox: Sandbox) -> None:
    def run(seed: int) -> list[int]:
        sandbox.set_faults({"fault": "server_error", "probability": 0.5, "seed": seed})
        return [ask(sandbox) for _ in range(30)]

    first = run(7)
    assert set(first) == {200, 503}
    assert run(7) == first
    assert run(8) != first


def test_a_rule_passes_by_where_it_has_no_meaning(sandbox: Sandbox) -> None:
    sandbox.set_faults({"fault": "empty_choices"}, {"fault": "task_failed"})
    task_id = create(sandbox).json()["data"]["taskId"]
    assert [poll(sandbox, task_id)["state"] for _ in range(2)] == ["generating", "fail"]
    assert [rule["seen"] for rule in sandbox.faults()] == [0, 1]


@pytest.mark.parametrize(
    "rule",
    [
        {"fault": "nonsense"},
        {"fault": "latency", "value": "soon"},
        {"fault": "latency", "match": {"colour": "red"}},
        {"fault": "latency", "probability": 2},
    ],
)
def test_a_wrong_rule_is_refused(sandbox: Sandbox, rule: dict[str, Any]) -> None:
    sandbox.set_faults({"fault": "latency", "value": 0})
    with pytest.raises(ValueError, match="refuses"):
        sandbox.set_faults(rule)
    assert len(sandbox.faults()) == 1


@pytest.mark.parametrize("knob", ["limits", "timing"])
def test_a_wrong_knob_is_refused(sandbox: Sandbox, knob: str) -> None:
    url = f"{sandbox.url}/_sandbox/{knob}"
    before = http().get(url).json()
    assert http().put(url, json={"nonsense": 1}).status_code == 422
    assert http().get(url).json() == before


def test_the_page_says_what_this_is_and_runs_nothing(sandbox: Sandbox) -> None:
    evil = "<script>alert(1)</script>"
    sandbox.set_faults({"fault": "latency", "value": 0, "match": {"prompt": evil}})
    create(sandbox)
    ask(sandbox, model=evil)
    page = http().get(sandbox.url)
    assert page.headers["content-type"].startswith("text/html")
    assert "This is a sandbox: nothing here is a real provider" in page.text
    assert "nano-banana-2" in page.text
    assert all(name in page.text for name in FAULTS)
    assert "<script" not in page.text


def test_every_answer_carries_the_sign(sandbox: Sandbox) -> None:
    assert create(sandbox).headers["x-sandbox"] == "nothing here is a real provider"


def test_the_guide_names_every_fault() -> None:
    text = DOCS.read_text()
    assert [name for name in FAULTS if f"`{name}" not in text] == []


def test_the_child_ends_with_its_parent(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    script = (
        "import sys, signal; from pathlib import Path; from ops.sandbox import running_sandbox\n"
        f"with running_sandbox(journal=Path({str(path)!r})) as s:\n"
        "    print(s.url, flush=True); signal.pause()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, cwd=DOCS.parents[1]
    ) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline().startswith("http://127.0.0.1:")
        os.kill(parent.pid, signal.SIGKILL)
        parent.wait()
    assert _becomes_free(path)


def _becomes_free(path: Path) -> bool:
    """`flock` waits until the last process that holds the file is gone."""
    with path.open() as file:
        waited = subprocess.run(
            [sys.executable, "-c", "import fcntl; fcntl.flock(0, fcntl.LOCK_EX)"],
            stdin=file, timeout=30, check=False,
        )  # fmt: skip
    return waited.returncode == 0


def test_the_command_serves_and_ends_at_sigterm(tmp_path: Path) -> None:
    script = (
        "import typer; from ops.cli.sandbox import sandbox\n"
        "app = typer.Typer(); app.command()(sandbox); app()\n"
    )
    path = tmp_path / "journal.jsonl"
    command = [sys.executable, "-c", script, "--port", "0", "--journal", str(path)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=DOCS.parents[1]
    ) as child:
        assert child.stdout is not None
        url = child.stdout.readline().strip()
        assert http().get(f"{url}/_sandbox/journal").json() == []
        child.terminate()
        assert child.wait(20) in (0, -signal.SIGTERM)
    assert path.exists()
