"""The sandbox as kie.ai: tasks, uploads, links, limits; the code in the body is what counts."""

import base64
import io
import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from PIL import Image

from ops.base.clock import unix_s
from ops.sandbox import Sandbox

BANANA: dict[str, Any] = {"model": "nano-banana-2", "input": {"prompt": "a fox"}}
RECORDS = {"jobs/createTask": "jobs/recordInfo", "veo/generate": "veo/record-info"}


@pytest.fixture
def kie(sandbox: Sandbox) -> Iterator[httpx.Client]:
    headers = {"Authorization": "Bearer kie-test"}
    with httpx.Client(base_url=sandbox.kie_url, headers=headers, timeout=20) as made:
        yield made


def create(kie: httpx.Client, path: str, body: dict[str, Any]) -> str:
    answer = kie.post(f"/api/v1/{path}", json=body).json()
    assert answer["code"] == 200, answer
    task_id: str = answer["data"]["taskId"]
    return task_id


def poll(kie: httpx.Client, path: str, task_id: str) -> dict[str, Any]:
    answer = kie.get(f"/api/v1/{path}", params={"taskId": task_id}).json()
    assert answer["code"] == 200, answer
    data: dict[str, Any] = answer["data"]
    return data


def picture(file_format: str = "PNG") -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (32, 32), "teal").save(out, file_format)
    return out.getvalue()


def test_a_job_goes_through_its_states(kie: httpx.Client, sandbox: Sandbox) -> None:
    sandbox.set_timing(polls=2)
    body = {**BANANA, "callBackUrl": "http://127.0.0.1:9/hook?call=17"}
    body["input"] = {
        "prompt": "a fox",
        "aspect_ratio": "16:9",
        "resolution": "2K",
        "output_format": "jpg",
    }
    task_id = create(kie, "jobs/createTask", body)
    first, last = (poll(kie, "jobs/recordInfo", task_id) for _ in range(2))
    assert (first["state"], first["resultJson"]) == ("generating", "")
    assert (last["state"], last["model"]) == ("success", "nano-banana-2")
    assert last["creditsConsumed"] == 4
    assert json.loads(last["param"]) == body
    assert last["completeTime"] >= last["createTime"] > 1_700_000_000_000
    [url] = json.loads(last["resultJson"])["resultUrls"]
    image = Image.open(io.BytesIO(httpx.get(url).content))
    assert (image.format, image.size) == ("JPEG", (2048, 1152))
    [bought] = sandbox.journal()
    assert bought["id"] == task_id
    assert bought["client_reference"] == "http://127.0.0.1:9/hook?call=17"
    assert bought["price_usd"] == bought["charged_usd"] == 0.02


def test_time_may_decide_instead_of_polls(kie: httpx.Client, sandbox: Sandbox) -> None:
    sandbox.set_timing(polls=0, seconds=3600)
    task_id = create(kie, "jobs/createTask", BANANA)
    record = poll(kie, "jobs/recordInfo", task_id)
    assert (record["state"], record["progress"]) == ("generating", 0)
    sandbox.set_timing(seconds=0)
    assert poll(kie, "jobs/recordInfo", task_id)["state"] == "success"


def test_veo_speaks_in_flags(kie: httpx.Client, sandbox: Sandbox) -> None:
    body = {"prompt": "the sea", "model": "veo3_fast", "aspect_ratio": "9:16"}
    task_id = create(kie, "veo/generate", body)
    first, last = (poll(kie, "veo/record-info", task_id) for _ in range(2))
    assert (first["successFlag"], first["response"]) == (0, None)
    assert last["successFlag"] == 1
    film = httpx.get(last["response"]["resultUrls"][0])
    assert film.headers["content-type"] == "video/mp4"
    assert film.content[4:8] == b"ftyp"
    assert sandbox.journal()[0]["price_usd"] == pytest.approx(8 * 0.105)


def test_runway_speaks_in_states(kie: httpx.Client, sandbox: Sandbox) -> None:
    body = {"prompt": "the sea", "duration": 10, "quality": "720p", "aspectRatio": "16:9"}
    task_id = create(kie, "runway/generate", body)
    first, last = (poll(kie, "runway/record-detail", task_id) for _ in range(2))
    assert (first["state"], first["videoInfo"]) == ("generating", None)
    assert last["state"] == "success"
    assert httpx.get(last["videoInfo"]["videoUrl"]).content[4:8] == b"ftyp"
    [bought] = sandbox.journal()
    assert (bought["model"], bought["price_usd"]) == ("runway", pytest.approx(0.12))


def test_a_task_belongs_to_its_family(kie: httpx.Client) -> None:
    task_id = create(kie, "jobs/createTask", BANANA)
    for path in ("veo/record-info", "runway/record-detail"):
        answer = kie.get(f"/api/v1/{path}", params={"taskId": task_id})
        assert (answer.status_code, answer.json()["code"]) == (200, 404)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("jobs/createTask", {"model": "nano-banana-2"}),
        ("jobs/createTask", {"model": "sora-2", "input": {"prompt": "x"}}),
        ("jobs/createTask", {"model": "nano-banana-2", "input": {"prompt": ""}}),
        ("jobs/createTask", {"model": "nano-banana-2", "input": {"prompt": "x" * 20_001}}),
        ("jobs/createTask", {"model": "seedream/4.5-edit", "input": {"prompt": "x"}}),
        ("jobs/createTask", {"model": "nano-banana-2", "input": {"prompt": "x", "image_input": ["data:x"]}}),
        ("jobs/createTask", {"model": "nano-banana-2", "input": {"prompt": "x", "resolution": "9K"}}),
        ("jobs/createTask", {"model": "kling-3.0/video", "input": {"prompt": "x", "duration": 5}}),
        ("jobs/createTask", {"model": "kling-3.0/video", "input": {"prompt": "x", "duration": "30"}}),
        ("jobs/createTask", {**BANANA, "callBackUrl": "ftp://x"}),
        ("veo/generate", {"prompt": "x", "model": "veo3", "aspect_ratio": "1:1"}),
        ("veo/generate", {"prompt": "x", "model": "veo2"}),
        ("runway/generate", {"prompt": "x", "duration": 10, "quality": "1080p"}),
        ("runway/generate", {"prompt": "x", "duration": 7}),
    ],
)  # fmt: skip
def test_a_wrong_order_is_422_in_the_body_of_a_200(
    kie: httpx.Client, sandbox: Sandbox, path: str, body: dict[str, Any]
) -> None:
    answer = kie.post(f"/api/v1/{path}", json=body)
    assert (answer.status_code, answer.json()["code"]) == (200, 422)
    assert sandbox.journal() == []


def test_a_key_is_needed(sandbox: Sandbox) -> None:
    answer = httpx.post(f"{sandbox.kie_url}/api/v1/jobs/createTask", json=BANANA)
    assert (answer.status_code, answer.json()["code"]) == (200, 401)
    assert sandbox.journal() == []


def upload(kie: httpx.Client, name: str, data: bytes) -> str:
    body = {"base64Data": base64.b64encode(data).decode(), "uploadPath": "in", "fileName": name}
    answer = kie.post("/api/file-base64-upload", json=body).json()
    url: str = answer["data"]["downloadUrl"]
    return url


def test_uploads_come_back_under_their_name(kie: httpx.Client, sandbox: Sandbox) -> None:
    by_base64 = httpx.get(upload(kie, "a.png", picture()))
    assert (by_base64.content, by_base64.headers["content-type"]) == (picture(), "image/png")
    files = {"file": ("b.jpg", picture("JPEG"))}
    answer = kie.post("/api/file-stream-upload", files=files, data={"uploadPath": "in"}).json()
    by_stream = httpx.get(answer["data"]["downloadUrl"])
    assert (by_stream.content, by_stream.headers["content-type"]) == (picture("JPEG"), "image/jpeg")
    assert sandbox.journal() == []


@pytest.mark.parametrize("body", [{"base64Data": "%%%"}, {"base64Data": "QUJD"}])
def test_a_bad_upload_is_refused(kie: httpx.Client, body: dict[str, str]) -> None:
    assert kie.post("/api/file-base64-upload", json=body).json()["code"] == 400


def test_an_uploaded_picture_can_be_used(kie: httpx.Client) -> None:
    body = {"prompt": "x", "model": "veo3", "imageUrls": [upload(kie, "a.png", picture())]}
    task_id = create(kie, "veo/generate", body)
    flags = [poll(kie, "veo/record-info", task_id)["successFlag"] for _ in range(2)]
    assert flags == [0, 1]


def test_a_name_that_belies_its_bytes_fails_the_task(kie: httpx.Client, sandbox: Sandbox) -> None:
    body = {"prompt": "x", "model": "veo3", "imageUrls": [upload(kie, "a.jpg", picture("PNG"))]}
    task_id = create(kie, "veo/generate", body)
    poll(kie, "veo/record-info", task_id)
    record = poll(kie, "veo/record-info", task_id)
    assert (record["successFlag"], record["errorCode"]) == (3, 422)
    assert sandbox.journal()[0]["charged_usd"] == 0


def test_a_link_is_made_fresh(kie: httpx.Client, sandbox: Sandbox) -> None:
    task_id = create(kie, "jobs/createTask", BANANA)
    record = [poll(kie, "jobs/recordInfo", task_id) for _ in range(2)][1]
    [url] = json.loads(record["resultJson"])["resultUrls"]
    fresh = kie.post("/api/v1/common/download-url", json={"url": url}).json()["data"]
    assert httpx.get(fresh).content == httpx.get(url).content
    expires = int(httpx.URL(fresh).params["expires"])
    assert 1100 < expires - unix_s() <= 1200
    for foreign in ("https://example.com/a.mp4", f"{sandbox.url}/files/none/0.mp4"):
        answer = kie.post("/api/v1/common/download-url", json={"url": foreign})
        assert answer.json()["code"] == 422
    assert httpx.get(url.partition("?")[0]).status_code == 403


def test_creates_beyond_the_rate_are_not_queued(kie: httpx.Client, sandbox: Sandbox) -> None:
    codes = [kie.post("/api/v1/jobs/createTask", json=BANANA).json()["code"] for _ in range(23)]
    assert codes == [200] * 20 + [429] * 3
    heard = [(call["status"], call["error"]) for call in sandbox.calls(direction="in")]
    assert heard == [(200, "")] * 20 + [(200, "429")] * 3, "HTTP says that all is well"
    assert len(sandbox.journal()) == 20
    other = {"Authorization": "Bearer another-account"}
    assert kie.post("/api/v1/jobs/createTask", json=BANANA, headers=other).json()["code"] == 200
    sandbox.set_limits(enabled=False)
    assert kie.post("/api/v1/jobs/createTask", json=BANANA).json()["code"] == 200


def test_polls_beyond_the_rate_are_refused(kie: httpx.Client, sandbox: Sandbox) -> None:
    sandbox.set_limits(kie_polls=3, kie_polls_window_s=3600)
    task_id = create(kie, "jobs/createTask", BANANA)
    answers = [
        kie.get("/api/v1/jobs/recordInfo", params={"taskId": task_id}).json()["code"]
        for _ in range(4)
    ]
    assert answers == [200, 200, 200, 429]


def test_credits_sink_with_what_is_charged(kie: httpx.Client, sandbox: Sandbox) -> None:
    sandbox.set_limits(kie_credits=5)
    assert kie.get("/api/v1/chat/credit").json()["data"] == 5
    create(kie, "jobs/createTask", BANANA)
    assert kie.get("/api/v1/chat/credit").json()["data"] == 1
    assert kie.post("/api/v1/jobs/createTask", json=BANANA).json()["code"] == 402
    assert len(sandbox.journal()) == 1
