"""The sandbox as OpenAI, seen by OpenAI's own client."""

import base64
import io
from collections.abc import Iterator
from typing import Any

import httpx
import openai
import pytest
from PIL import Image

from ops.sandbox import Sandbox

ASK: Any = [{"role": "user", "content": "What is a Leyden jar?"}]


@pytest.fixture
def client(sandbox: Sandbox) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(
        base_url=sandbox.openai_url, api_key="sk-test", max_retries=0, timeout=10
    ) as made:
        yield made


def picture(width: int, height: int, mode: str = "RGB", file_format: str = "PNG") -> bytes:
    out = io.BytesIO()
    Image.new(mode, (width, height), "teal").save(out, file_format)
    return out.getvalue()


def opened(b64: str | None) -> Image.Image:
    assert b64 is not None
    image = Image.open(io.BytesIO(base64.b64decode(b64)))
    image.load()
    return image


def data_url(data: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(data).decode()}"


def test_chat_answers_and_says_that_no_model_did(client: openai.OpenAI, sandbox: Sandbox) -> None:
    answer = client.chat.completions.create(model="gpt-6-luna", messages=ASK)
    text = answer.choices[0].message.content
    assert text is not None
    assert "[sandbox] No model wrote this" in text
    assert "Leyden jar" in text
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage is not None
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens
    [bought] = sandbox.journal()
    assert (bought["id"], bought["provider"], bought["operation"], bought["model"]) == (
        answer.id, "openai", "chat", "gpt-6-luna",
    )  # fmt: skip
    expected = (answer.usage.prompt_tokens * 0.1 + answer.usage.completion_tokens * 0.5) / 1e6
    assert bought["price_usd"] == pytest.approx(expected)


def test_the_same_question_gets_the_same_answer_under_another_id(
    client: openai.OpenAI, sandbox: Sandbox
) -> None:
    answers = [
        client.chat.completions.create(model="gpt-6-luna", messages=ASK, safety_identifier=person)
        for person in ("one", "two")
    ]
    assert answers[0].choices == answers[1].choices
    first, second = sandbox.journal()
    assert first["id"] != second["id"]
    assert first["request_hash"] == second["request_hash"]
    assert [first["client_reference"], second["client_reference"]] == ["one", "two"]
    client.chat.completions.create(model="gpt-6.1-terra", messages=ASK)
    assert sandbox.journal()[2]["request_hash"] != first["request_hash"]


def test_a_stream_is_the_same_text_in_pieces(client: openai.OpenAI) -> None:
    whole = client.chat.completions.create(model="gpt-6-luna", messages=ASK)
    chunks = list(
        client.chat.completions.create(
            model="gpt-6-luna", messages=ASK, stream=True, stream_options={"include_usage": True}
        )
    )
    told = [chunk.choices[0].delta.content or "" for chunk in chunks[:-1]]
    # The digest at the end is of the whole request, and `stream` is a part of it.
    assert "".join(told)[:-14] == (whole.choices[0].message.content or "")[:-14]
    assert len([piece for piece in told if piece]) > 5
    assert chunks[-2].choices[0].finish_reason == "stop"
    assert chunks[-1].choices == []
    assert chunks[-1].usage is not None
    assert all(chunk.usage is None for chunk in chunks[:-1])


def test_a_stream_tells_usage_only_when_asked(client: openai.OpenAI) -> None:
    chunks = list(client.chat.completions.create(model="gpt-6-luna", messages=ASK, stream=True))
    assert all(chunk.usage is None for chunk in chunks)
    assert chunks[-1].choices[0].finish_reason == "stop"


def test_a_token_limit_cuts_the_answer(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(
        model="gpt-6-luna", messages=ASK, max_completion_tokens=5
    )
    assert answer.choices[0].finish_reason == "length"
    assert answer.usage is not None
    assert answer.usage.completion_tokens == 5


def test_chat_looks_at_pictures(client: openai.OpenAI) -> None:
    def ask(url: str) -> Any:
        parts = [{"type": "text", "text": "Look"}, {"type": "image_url", "image_url": {"url": url}}]
        messages: Any = [{"role": "user", "content": parts}]
        return client.chat.completions.create(model="gpt-6-luna", messages=messages)

    answer = ask(data_url(picture(320, 200)))
    assert "PNG 320x200" in answer.choices[0].message.content
    assert answer.usage.prompt_tokens_details.image_tokens > 0
    with pytest.raises(openai.BadRequestError) as refused:
        ask(data_url(b"not a picture"))
    assert refused.value.code == "invalid_image"


def test_images_have_the_size_and_format_asked_for(client: openai.OpenAI, sandbox: Sandbox) -> None:
    answer = client.images.generate(
        model="gpt-image-2", prompt="a fox", n=2, size="1536x1024", output_format="webp"
    )
    images = [opened(each.b64_json) for each in answer.data or []]
    assert [(image.format, image.size) for image in images] == [("WEBP", (1536, 1024))] * 2
    assert images[0].tobytes() != images[1].tobytes()
    assert answer.usage is not None
    tokens = answer.usage.input_tokens * 5 + answer.usage.output_tokens * 30
    assert sandbox.journal()[0]["price_usd"] == pytest.approx(tokens / 1e6)
    again = client.images.generate(
        model="gpt-image-2", prompt="a fox", n=2, size="1536x1024", output_format="webp"
    )
    assert again.data == answer.data


def test_an_edit_returns_the_picture_it_was_given(client: openai.OpenAI) -> None:
    mask = picture(64, 48, "RGBA")
    answer = client.images.edit(
        model="gpt-image-2", prompt="blue", image=[("a.png", picture(64, 48))] * 16,
        mask=("mask.png", mask),
    )  # fmt: skip
    assert answer.data is not None
    image = opened(answer.data[0].b64_json)
    assert image.size == (64, 48)
    assert image.convert("RGB").getpixel((1, 1)) == (0, 128, 128)
    single = client.images.edit(model="gpt-image-2", prompt="x", image=("a.png", picture(32, 32)))
    assert single.size == "32x32"


@pytest.mark.parametrize(
    ("images", "mask", "code"),
    [
        ([("a.png", b"nothing")], None, "invalid_image"),
        ([("a.png", picture(16, 16))] * 17, None, "invalid_value"),
        ([("a.png", picture(16, 16))], picture(8, 8, "RGBA"), "invalid_mask"),
        ([("a.png", picture(16, 16))], picture(16, 16), "invalid_mask"),
    ],
)
def test_an_edit_refuses_bad_files(
    client: openai.OpenAI, sandbox: Sandbox, images: Any, mask: bytes | None, code: str
) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        client.images.edit(
            model="gpt-image-2",
            prompt="x",
            image=images,
            mask=openai.omit if mask is None else ("m.png", mask),
        )
    assert refused.value.code == code
    assert sandbox.journal() == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"size": "1000x1000"},
        {"size": "3840x1024"},
        {"n": 11},
        {"quality": "best"},
        {"response_format": "url"},
        {"background": "transparent", "output_format": "jpeg"},
    ],
)
def test_images_refuse_what_openai_refuses(
    client: openai.OpenAI, sandbox: Sandbox, wrong: Any
) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        client.images.generate(model="gpt-image-2", prompt="a fox", **wrong)
    assert refused.value.request_id
    assert sandbox.journal() == []


def test_moderation_flags_what_asks_for_it(client: openai.OpenAI, sandbox: Sandbox) -> None:
    answer = client.moderations.create(input=["kittens", "[flag:violence] [flag:self-harm]"])
    assert [result.flagged for result in answer.results] == [False, True]
    assert answer.results[1].categories.violence
    assert answer.results[1].categories.self_harm
    assert not answer.results[1].categories.hate
    assert answer.results[1].category_scores.violence > 0.9
    parts: Any = [{"type": "text", "text": "[flag:hate]"}]
    assert client.moderations.create(input=parts).results[0].categories.hate
    assert sandbox.journal() == []


def test_models_are_listed_and_unknown_ones_refused(client: openai.OpenAI) -> None:
    names = [model.id for model in client.models.list()]
    assert {"gpt-6-luna", "gpt-image-2", "omni-moderation-latest"} <= set(names)
    assert client.models.retrieve("gpt-6-luna").id == "gpt-6-luna"
    for ask in (
        lambda: client.models.retrieve("gpt-3.5-turbo"),
        lambda: client.chat.completions.create(model="gpt-3.5-turbo", messages=ASK),
        lambda: client.images.generate(model="dall-e-3", prompt="x"),
    ):
        with pytest.raises(openai.NotFoundError) as refused:
            ask()
        assert refused.value.code == "model_not_found"


def test_a_key_is_needed(sandbox: Sandbox) -> None:
    with (
        openai.OpenAI(base_url=sandbox.openai_url, api_key="invalid", max_retries=0) as client,
        pytest.raises(openai.AuthenticationError),
    ):
        client.chat.completions.create(model="gpt-6-luna", messages=ASK)
    assert httpx.get(f"{sandbox.openai_url}/models").status_code == 401
    assert sandbox.journal() == []


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"model": "gpt-6-luna", "messages": []}'])
def test_a_body_that_is_no_question_is_refused(sandbox: Sandbox, body: bytes) -> None:
    answer = httpx.post(
        f"{sandbox.openai_url}/chat/completions",
        content=body,
        headers={"Authorization": "Bearer k", "Content-Type": "application/json"},
    )
    assert answer.status_code == 400
    assert answer.json()["error"]["type"] == "invalid_request_error"
    assert sandbox.journal() == []
