"""The sandbox as OpenRouter: chat, pictures and videos, with what it costs in each answer."""

import base64
import io
from collections.abc import Iterator
from typing import Any

import av
import httpx
import openai
import pytest
from PIL import Image

from ops.sandbox import Sandbox

MODEL = "mistralai/mistral-small-3.2-24b-instruct"
FREE = "google/gemma-4-31b-it:free"
ASK: Any = [{"role": "user", "content": "A fox, please"}]


@pytest.fixture
def client(sandbox: Sandbox) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(
        base_url=sandbox.openrouter_url, api_key="sk-or-test", max_retries=0, timeout=10
    ) as made:
        yield made


@pytest.fixture
def http(sandbox: Sandbox) -> Iterator[httpx.Client]:
    headers = {"Authorization": "Bearer sk-or-test"}
    with httpx.Client(base_url=sandbox.openrouter_url, headers=headers) as made:
        yield made


def extra(part: Any) -> dict[str, Any]:
    found: dict[str, Any] = part.model_extra or {}
    return found


def test_chat_says_its_cost(client: openai.OpenAI, sandbox: Sandbox) -> None:
    answer = client.chat.completions.create(model=MODEL, messages=ASK)
    assert answer.id.startswith("gen-")
    assert extra(answer)["provider"] == "Sandbox"
    assert extra(answer.choices[0])["native_finish_reason"] == "stop"
    assert extra(answer.usage)["cost"] == sandbox.journal()[0]["price_usd"] > 0


def test_a_stream_ends_with_its_cost_unasked(client: openai.OpenAI, http: httpx.Client) -> None:
    chunks = list(client.chat.completions.create(model=MODEL, messages=ASK, stream=True))
    assert extra(chunks[-1].usage)["cost"] > 0
    assert chunks[-2].choices[0].finish_reason == "stop"
    body = {"model": MODEL, "messages": ASK, "stream": True}
    assert http.post("/chat/completions", json=body).text.startswith(": OPENROUTER PROCESSING")


def test_the_cost_can_be_asked_for_later(client: openai.OpenAI, http: httpx.Client) -> None:
    answer = client.chat.completions.create(model=MODEL, messages=ASK)
    data = http.get("/generation", params={"id": answer.id}).json()["data"]
    assert data["total_cost"] == extra(answer.usage)["cost"]
    assert http.get("/generation", params={"id": "gen-none"}).status_code == 404


def test_a_chat_can_answer_with_a_picture(client: openai.OpenAI, sandbox: Sandbox) -> None:
    answer = client.chat.completions.create(
        model="google/gemini-2.5-flash-image",
        messages=ASK,
        extra_body={"modalities": ["image", "text"]},
    )
    [image] = extra(answer.choices[0].message)["images"]
    head, _, body = image["image_url"]["url"].partition(",")
    assert head == "data:image/png;base64"
    assert Image.open(io.BytesIO(base64.b64decode(body))).size == (1024, 1024)
    assert sandbox.journal()[0]["price_usd"] == pytest.approx(0.04)


def test_the_first_known_of_several_models_answers(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(
        model="nobody/none", messages=ASK, extra_body={"models": ["also/none", MODEL]}
    )
    assert answer.model == MODEL
    with pytest.raises(openai.BadRequestError) as refused:
        client.chat.completions.create(model="nobody/none", messages=ASK)
    assert refused.value.code == "400"


def test_a_model_without_eyes_refuses_pictures(client: openai.OpenAI) -> None:
    parts = [{"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}]
    messages: Any = [{"role": "user", "content": parts}]
    with pytest.raises(openai.NotFoundError):
        client.chat.completions.create(model="deepseek/deepseek-v3.2", messages=messages)


@pytest.mark.parametrize(
    ("asked", "size", "file_format"),
    [
        ({"size": "800x600"}, (800, 600), "PNG"),
        ({"aspect_ratio": "16:9", "resolution": "2K"}, (2048, 1152), "PNG"),
        ({"resolution": "512", "output_format": "jpeg"}, (512, 512), "JPEG"),
    ],
)
def test_images_have_the_size_asked_for(
    http: httpx.Client, sandbox: Sandbox, asked: Any, size: tuple[int, int], file_format: str
) -> None:
    body = {"model": "google/gemini-3.1-flash-image", "prompt": "a fox", "n": 2, **asked}
    answer = http.post("/images", json=body).json()
    images = [Image.open(io.BytesIO(base64.b64decode(one["b64_json"]))) for one in answer["data"]]
    assert [(image.format, image.size) for image in images] == [(file_format, size)] * 2
    assert answer["data"][0]["media_type"] == f"image/{file_format.lower()}"
    assert answer["usage"]["cost"] == sandbox.journal()[0]["price_usd"] == pytest.approx(0.16)


def order_video(http: httpx.Client, **changes: Any) -> dict[str, Any]:
    body = {"model": "alibaba/wan-2.7", "prompt": "the sea", "duration": 5, "resolution": "480p"}
    answer = http.post("/videos", json=body | changes)
    assert answer.status_code == 202, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_a_video_is_polled_and_fetched(http: httpx.Client, sandbox: Sandbox) -> None:
    sandbox.set_timing(polls=3)
    order = order_video(http)
    assert order["id"].startswith("gen-vid-")
    assert order["polling_url"] == f"/openrouter/api/v1/videos/{order['id']}"
    polls = [http.get(f"{sandbox.url}{order['polling_url']}").json() for _ in range(3)]
    assert [poll["status"] for poll in polls] == ["in_progress", "in_progress", "completed"]
    assert polls[-1]["usage"]["cost"] == sandbox.journal()[0]["price_usd"] == pytest.approx(0.2)
    signed = httpx.get(polls[-1]["urls"][0])
    assert httpx.get(polls[-1]["unsigned_urls"][0]).status_code == 401
    assert http.get(polls[-1]["unsigned_urls"][0]).content == signed.content
    with av.open(io.BytesIO(signed.content), "r") as film:
        assert film.duration is not None
        assert film.duration / av.time_base == pytest.approx(5)
        assert (film.streams.video[0].width, film.streams.video[0].height) == (848, 480)


def test_a_video_is_not_there_before_its_time(http: httpx.Client) -> None:
    order = order_video(http)
    assert http.get(f"/videos/{order['id']}/content").status_code == 404
    assert http.get("/videos/gen-vid-none").status_code == 404


@pytest.mark.parametrize(
    "wrong",
    [
        {"duration": 60},
        {"callback_url": "http://example.com/hook"},
        {"model": "openai/sora-2"},
        {"frame_images": [{"image_url": {"url": "file:///etc/passwd"}}]},
        {"prompt": ""},
    ],
)
def test_a_wrong_video_order_is_refused(
    http: httpx.Client, sandbox: Sandbox, wrong: dict[str, Any]
) -> None:
    body = {"model": "alibaba/wan-2.7", "prompt": "the sea", "duration": 5}
    answer = http.post("/videos", json=body | wrong)
    assert answer.status_code == answer.json()["error"]["code"] == 400
    assert sandbox.journal() == []


def test_free_models_are_limited_by_minute(client: openai.OpenAI, sandbox: Sandbox) -> None:
    sandbox.set_limits(openrouter_free_minute=2)
    for _ in range(2):
        client.chat.completions.create(model=FREE, messages=ASK)
    with pytest.raises(openai.RateLimitError) as refused:
        client.chat.completions.create(model=FREE, messages=ASK)
    assert refused.value.response.headers["x-ratelimit-limit"] == "2"
    assert int(refused.value.response.headers["x-ratelimit-reset"]) > 0
    client.chat.completions.create(model=MODEL, messages=ASK)
    sandbox.set_limits(enabled=False)
    client.chat.completions.create(model=FREE, messages=ASK)
    assert len(sandbox.journal()) == 4


def test_an_empty_account_buys_nothing(
    client: openai.OpenAI, http: httpx.Client, sandbox: Sandbox
) -> None:
    sandbox.set_limits(openrouter_usd=0.3)
    order_video(http)
    body = {"model": "alibaba/wan-2.7", "prompt": "the sea", "duration": 5}
    refused = http.post("/videos", json=body)
    assert refused.status_code == 402
    assert len(sandbox.journal()) == 1
    credits_left = http.get("/credits").json()["data"]
    assert credits_left == {"total_credits": 0.3, "total_usage": pytest.approx(0.2)}
    assert http.get("/key").json()["data"]["limit_remaining"] == pytest.approx(0.1)


def test_lists_need_no_key_and_prices_are_texts(sandbox: Sandbox) -> None:
    models = httpx.get(f"{sandbox.openrouter_url}/models").json()["data"]
    prices = {model["id"]: model["pricing"] for model in models}
    assert prices[MODEL]["prompt"] == "0.000000075"
    assert prices[MODEL]["completion"] == "0.0000002"
    assert prices[FREE]["prompt"] == "0"
    assert len(models) >= 32
    videos = httpx.get(f"{sandbox.openrouter_url}/videos/models").json()["data"]
    assert videos[0]["supported_durations"] == [4, 5, 6, 7, 8]
    assert httpx.get(f"{sandbox.openrouter_url}/images/models").json()["data"]
