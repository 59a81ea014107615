"""Every fault of the dial, from a client's side: what is heard, and what was bought all the same."""

import io
import json
from collections.abc import Callable, Iterator
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
import openai
import pytest
from PIL import Image

from ops.base.clock import now
from ops.sandbox import Sandbox
from ops.sandbox.faults import FAULTS
from tests.support import wait_until

CHAT: dict[str, Any] = {"model": "gpt-6-luna", "messages": [{"role": "user", "content": "Hello"}]}
BANANA: dict[str, Any] = {"model": "nano-banana-2", "input": {"prompt": "a fox"}}
KEY = {"Authorization": "Bearer test"}
Call = Callable[..., httpx.Response]


@pytest.fixture
def http(sandbox: Sandbox) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=sandbox.url, headers=KEY, timeout=10) as made:
        yield made


@pytest.fixture
def client(sandbox: Sandbox) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(
        base_url=sandbox.openai_url, api_key="sk-test", max_retries=0, timeout=10
    ) as made:
        yield made


@pytest.fixture
def chat(http: httpx.Client) -> Call:
    def ask(fault: str, provider: str = "openai/v1") -> httpx.Response:
        headers = {"X-Sandbox-Fault": fault}
        return http.post(f"/{provider}/chat/completions", json=CHAT, headers=headers)

    return ask


@pytest.fixture
def kie(http: httpx.Client) -> Call:
    def create(fault: str) -> httpx.Response:
        headers = {"X-Sandbox-Fault": fault}
        return http.post("/kie/api/v1/jobs/createTask", json=BANANA, headers=headers)

    return create


def record(http: httpx.Client, created: httpx.Response, polls: int = 2) -> dict[str, Any]:
    """The last of some polls."""
    params = {"taskId": created.json()["data"]["taskId"]}
    answers = [http.get("/kie/api/v1/jobs/recordInfo", params=params) for _ in range(polls)]
    data: dict[str, Any] = answers[-1].json()["data"]
    return data


def result_url(found: dict[str, Any]) -> str:
    urls: list[str] = json.loads(found["resultJson"])["resultUrls"]
    return urls[0]


def bought(sandbox: Sandbox) -> int:
    return len(sandbox.journal())


@pytest.mark.parametrize("form", ["7", "1.5", "date:7", "ms:1500", "reset:7", "none"])
def test_rate_limited(chat: Call, sandbox: Sandbox, form: str) -> None:
    answer = chat(f"rate_limited={form}")
    assert answer.status_code == 429
    after = answer.headers.get("retry-after")
    if form in ("7", "1.5"):
        assert after == form
    elif form == "date:7":
        assert 0 < (parsedate_to_datetime(after) - now()).total_seconds() <= 7
    else:
        assert after is None
    assert answer.headers.get("retry-after-ms") == ("1500" if form == "ms:1500" else None)
    assert ("x-ratelimit-reset" in answer.headers) == (form == "reset:7")
    assert "x-sandbox-pause" not in answer.headers
    assert bought(sandbox) == 0
    chat("latency=0")
    assert [call["too_early"] for call in sandbox.calls()] == [False, form != "none"]


@pytest.mark.parametrize(
    ("fault", "openai_says", "openrouter_says", "kie_says"),
    [
        ("payment_required", (402, "payment_required"), (402, 402), (200, 402)),
        ("insufficient_quota", (429, "insufficient_quota"), (402, 402), (200, 402)),
        ("server_error=500", (500, "server_error"), (500, 500), (500, 500)),
        ("server_error", (503, "provider_overloaded"), (503, 503), (503, 503)),
        ("error_in_200=429", (200, "rate_limit_exceeded"), (200, 429), (200, 429)),
        ("rate_limited", (429, "rate_limit_exceeded"), (429, 429), (429, 429)),
    ],
)
def test_refusals_in_each_providers_words(
    chat: Call, kie: Call, sandbox: Sandbox, fault: str,
    openai_says: tuple[int, str], openrouter_says: tuple[int, int], kie_says: tuple[int, int],
) -> None:  # fmt: skip
    first, second, third = chat(fault), chat(fault, "openrouter/api/v1"), kie(fault)
    assert (first.status_code, first.json()["error"]["code"]) == openai_says
    assert (second.status_code, second.json()["error"]["code"]) == openrouter_says
    assert (third.status_code, third.json()["code"]) == kie_says
    assert bought(sandbox) == 0


def test_blocked_agent(kie: Call, sandbox: Sandbox) -> None:
    answer = kie("blocked_agent")
    assert (answer.status_code, answer.text) == (403, "error code: 1010")
    assert bought(sandbox) == 0


async def struck(sandbox: Sandbox, fault: str) -> None:
    """A client that gave up knows nothing of the server: ask it."""

    def found() -> bool:
        return [call["applied"] for call in sandbox.calls()] == [[fault]]

    await wait_until(found, 10, f"{fault} has struck")


async def test_latency(http: httpx.Client, sandbox: Sandbox) -> None:
    headers = {"X-Sandbox-Fault": "latency=60"}
    with pytest.raises(httpx.ReadTimeout):
        http.post("/openai/v1/chat/completions", json=CHAT, headers=headers, timeout=0.3)
    await struck(sandbox, "latency")
    assert bought(sandbox) == 0


@pytest.mark.parametrize(("moment", "sold"), [("before", 0), ("after", 1)])
async def test_hang(http: httpx.Client, sandbox: Sandbox, moment: str, sold: int) -> None:
    headers = {"X-Sandbox-Fault": f"hang={moment}"}
    with pytest.raises(httpx.ReadTimeout):
        http.post("/kie/api/v1/jobs/createTask", json=BANANA, headers=headers, timeout=0.5)
    await struck(sandbox, "hang")
    assert bought(sandbox) == sold
    assert sandbox.calls()[0]["status"] == 0


@pytest.mark.parametrize(
    ("moment", "sold", "heard"),
    [
        ("before", 0, httpx.ReadError),
        ("after", 1, httpx.ReadError),
        ("mid", 1, httpx.RemoteProtocolError),
    ],
)
def test_reset(
    chat: Call, sandbox: Sandbox, moment: str, sold: int, heard: type[Exception]
) -> None:
    with pytest.raises(heard):
        chat(f"reset={moment}")
    assert bought(sandbox) == sold


def test_truncated_json(chat: Call, sandbox: Sandbox) -> None:
    answer = chat("truncated_json")
    assert answer.status_code == 200
    with pytest.raises(ValueError, match=r"."):
        answer.json()
    assert bought(sandbox) == 1


def test_garbage(chat: Call, sandbox: Sandbox) -> None:
    answer = chat("garbage")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html")
    assert "502 Bad Gateway" in answer.text
    assert bought(sandbox) == 1


def test_oversize(chat: Call, sandbox: Sandbox) -> None:
    answer = chat("oversize=1000000")
    assert "content-length" not in answer.headers
    assert len(answer.content) > 1_000_000
    assert answer.json()["choices"]
    assert bought(sandbox) == 1


def test_content_refusal(chat: Call, kie: Call, http: httpx.Client, sandbox: Sandbox) -> None:
    first, second = chat("content_refusal"), chat("content_refusal", "openrouter/api/v1")
    assert (first.status_code, first.json()["error"]["code"]) == (400, "content_policy_violation")
    assert second.status_code == 403
    assert second.json()["error"]["metadata"]["error_type"] == "content_policy_violation"
    assert bought(sandbox) == 0
    found = record(http, kie("content_refusal"))
    assert (found["state"], found["failCode"]) == ("fail", "400")
    assert "content policy" in found["failMsg"]
    assert sandbox.journal()[0]["charged_usd"] == 0


def test_filtered(chat: Call) -> None:
    [choice] = chat("filtered").json()["choices"]
    assert (choice["finish_reason"], choice["message"]["content"]) == ("content_filter", "")
    assert choice["message"]["refusal"]


def test_empty_choices(client: openai.OpenAI, sandbox: Sandbox) -> None:
    completions: Any = client.chat.completions
    answer = completions.create(**CHAT, extra_headers={"X-Sandbox-Fault": "empty_choices"})
    assert answer.choices == []
    assert bought(sandbox) == 1


def stream(client: openai.OpenAI, fault: str) -> Iterator[Any]:
    completions: Any = client.chat.completions
    options = {"stream_options": {"include_usage": True}, "stream": True}
    headers = {"X-Sandbox-Fault": fault}
    yield from completions.create(**CHAT, **options, extra_headers=headers)


def test_cut_stream(client: openai.OpenAI, sandbox: Sandbox) -> None:
    chunks = list(stream(client, "cut_stream=3"))
    assert len(chunks) == 3
    assert all(chunk.choices[0].finish_reason is None for chunk in chunks)
    long_ago = list(stream(client, "cut_stream=9999"))
    assert long_ago[-1].choices[0].finish_reason is None
    assert bought(sandbox) == 2


@pytest.mark.parametrize("after", [1, 9999])
def test_stream_error(client: openai.OpenAI, after: int) -> None:
    with pytest.raises(openai.APIError) as failed:
        list(stream(client, f"stream_error={after}"))
    assert not isinstance(failed.value, openai.APIStatusError)
    assert failed.value.code == "server_error"


def test_slow_stream(client: openai.OpenAI) -> None:
    pieces = stream(client.with_options(timeout=2), "slow_stream=60")
    next(pieces)
    with pytest.raises(openai.APITimeoutError):
        next(pieces)


def test_a_stream_can_be_closed_mid_body(http: httpx.Client) -> None:
    headers = {"X-Sandbox-Fault": "reset=mid"}
    body = {**CHAT, "stream": True}
    path = "/openai/v1/chat/completions"
    heard = b""
    with (  # noqa: PT012 (the pieces before the end are heard, the end is not)
        http.stream("POST", path, json=body, headers=headers) as answer,
        pytest.raises(httpx.RemoteProtocolError),
    ):
        for piece in answer.iter_bytes():
            heard += piece
    assert heard.startswith(b"data: ")
    assert b"[DONE]" not in heard


def test_long_answer(chat: Call) -> None:
    text = chat("long_answer=3000").json()["choices"][0]["message"]["content"]
    assert len(text) == 3000


def test_no_usage(chat: Call, client: openai.OpenAI) -> None:
    assert "usage" not in chat("no_usage").json()
    assert all(chunk.usage is None for chunk in stream(client, "no_usage"))


def test_usage_above_quote(chat: Call, kie: Call, http: httpx.Client, sandbox: Sandbox) -> None:
    honest, dear = chat("latency=0").json()["usage"], chat("usage_above_quote=50").json()["usage"]
    assert dear["completion_tokens"] == honest["completion_tokens"] * 50
    assert record(http, kie("usage_above_quote=50"))["creditsConsumed"] == 200
    prices = [row["charged_usd"] for row in sandbox.journal()]
    assert prices[1] == pytest.approx(prices[0] * 50)


def test_task_forever(http: httpx.Client, kie: Call, sandbox: Sandbox) -> None:
    sandbox.set_limits(enabled=False)
    assert record(http, kie("task_forever"), polls=30)["state"] == "generating"
    assert sandbox.journal()[0]["charged_usd"] == 0


def test_task_failed(http: httpx.Client, kie: Call, sandbox: Sandbox) -> None:
    found = record(http, kie("task_failed=501"))
    assert (found["state"], found["failCode"], found["resultJson"]) == ("fail", "501", "")
    assert found["creditsConsumed"] == 0
    assert sandbox.journal()[0]["charged_usd"] == 0


def test_task_slow(http: httpx.Client, kie: Call) -> None:
    assert record(http, kie("task_slow=3600"), polls=4)["state"] == "generating"


def test_broken_result_json(http: httpx.Client, kie: Call, sandbox: Sandbox) -> None:
    found = record(http, kie("broken_result_json"))
    assert found["state"] == "success"
    with pytest.raises(ValueError, match=r"."):
        json.loads(found["resultJson"])
    sound = kie("latency=0")
    path = "/kie/api/v1/jobs/recordInfo"
    sandbox.set_faults({"match": {"path": path, "nth": 2}, "fault": "broken_result_json"})
    assert record(http, sound)["resultJson"].startswith('{"resultUrls": ["https://')
    assert result_url(record(http, sound, polls=1))


def fresh(http: httpx.Client, url: str) -> dict[str, Any]:
    answer: dict[str, Any] = http.post("/kie/api/v1/common/download-url", json={"url": url}).json()
    return answer


def test_expired_url(http: httpx.Client, kie: Call) -> None:
    url = result_url(record(http, kie("expired_url")))
    assert httpx.get(url).status_code == 403
    assert httpx.get(fresh(http, url)["data"]).status_code == 200
    gone = result_url(record(http, kie("expired_url=gone")))
    assert httpx.get(gone).status_code == 403
    assert fresh(http, gone)["code"] == 422


def test_redirect_private(http: httpx.Client, kie: Call) -> None:
    url = result_url(record(http, kie("redirect_private")))
    answer = httpx.get(url, follow_redirects=False)
    assert answer.status_code == 302
    assert answer.headers["location"] == "http://169.254.169.254/latest/meta-data/"
    url = result_url(record(http, kie("redirect_private=http://[::1]/x")))
    assert httpx.get(url).headers["location"] == "http://[::1]/x"


def test_faults_of_the_file_alone(http: httpx.Client, kie: Call, sandbox: Sandbox) -> None:
    url = result_url(record(http, kie("latency=0")))

    def got(fault: str) -> httpx.Response:
        return httpx.get(url, headers={"X-Sandbox-Fault": fault})

    assert got("expired_url").status_code == 403
    assert got("redirect_private").status_code == 302
    assert got("garbage").text.startswith("<!doctype html>")
    assert len(got("oversize=70000").content) > 70_000
    with pytest.raises(httpx.RemoteProtocolError):
        got("reset=mid")
    image = Image.open(io.BytesIO(httpx.get(url).content))
    assert image.size == (1024, 1024)


def test_several_faults_at_once(chat: Call, sandbox: Sandbox) -> None:
    answer = chat("latency=0.01, long_answer=100, usage_above_quote=2")
    assert len(answer.json()["choices"][0]["message"]["content"]) == 100
    assert sandbox.calls()[0]["applied"] == ["latency", "long_answer", "usage_above_quote"]


@pytest.mark.parametrize(
    "fault", ["nonsense", "latency=soon", "server_error=200", "task_forever", "rate_limited=x:1"]
)
def test_a_fault_that_cannot_strike_is_an_error(chat: Call, sandbox: Sandbox, fault: str) -> None:
    answer = chat(fault)
    assert answer.status_code == 400
    assert "fault" in answer.json()["sandbox"]
    assert bought(sandbox) == 0
    assert sandbox.calls() == []


def test_every_fault_of_the_dial_has_a_test_here_or_beside() -> None:
    here = {name.removeprefix("test_") for name in globals() if name.startswith("test_")}
    in_words = {"payment_required", "insufficient_quota", "server_error", "error_in_200"}
    beside = {"no_callback", "duplicate_callback", "forged_callback"}
    assert set(FAULTS) <= here | in_words | beside
