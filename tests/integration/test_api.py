"""The HTTP edge on real stores: every route, every refusal in its shape, nobody sees another's things."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from ops import samples
from ops.stack import StackHandle
from producers.api.app import build_app
from producers.api.auth import dev_key
from producers.desk import Desk
from schemas.errors import Missing, NotAllowed
from storage.jobs import Jobs
from storage.ledger import Status
from tests.integration.edge import DOWN, commit_durably, desk_on, finish_picture, finish_text
from tests.rig import job

KEY = "leyden_dev_test"
TEXT_JOB = {"kind": "text.improve", "app": "penora", "input": {"text": "helo"}}


def a_client(desk: Desk, *, user: str | None = "ann", key: str = KEY) -> httpx.AsyncClient:
    headers = {"Authorization": f"Bearer {key}"} | ({"X-Leyden-User": user} if user else {})
    transport = httpx.ASGITransport(build_app(desk, key=KEY), raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://leyden", headers=headers)


@pytest_asyncio.fixture
async def desk(dsn: str, redis_url: str, tmp_path: Path) -> AsyncIterator[Desk]:
    async with desk_on(dsn, redis_url, tmp_path) as opened:
        yield opened


@pytest_asyncio.fixture
async def ann(desk: Desk) -> AsyncIterator[httpx.AsyncClient]:
    async with a_client(desk) as client:
        yield client


@pytest_asyncio.fixture
async def bob(desk: Desk) -> AsyncIterator[httpx.AsyncClient]:
    async with a_client(desk, user="bob") as client:
        yield client


@asynccontextmanager
async def api(desk: Desk, **options: Any) -> AsyncIterator[httpx.AsyncClient]:
    async with a_client(desk, **options) as client:
        yield client


def refused(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """Every refusal has one shape."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = answer.json()
    assert (body["code"], body["status"]) == (code, status)
    assert body["type"] == f"urn:leyden:error:{code}"
    assert body["title"]
    return body


async def test_a_job_from_the_request_to_its_receipt(ann: httpx.AsyncClient, desk: Desk) -> None:
    made = await ann.post("/v1/jobs", json=TEXT_JOB, headers={"Idempotency-Key": "k"})
    assert made.status_code == 202
    body = made.json()
    assert set(body) == {"id", "state", "price", "currency", "receipt"}
    assert (body["state"], body["price"], body["currency"]) == ("queued", 10_000, "CREDIT")
    path = made.headers["location"]
    assert (await ann.get(path)).json()["result"] is None
    view = await desk.results.list((await desk.users.ensure("dev", "ann")).user_id)
    ended = await finish_text(desk, view[0].id, "Hello.")
    job = (await ann.get(path)).json()
    assert (job["state"], job["captured"], job["reason"]) == ("succeeded", 10_000, None)
    assert job["result"]["text"] == "Hello."
    assert job["project"] == ended.project_code
    receipt = (await ann.get(body["receipt"])).json()
    assert (receipt["quoted"], receipt["captured"], receipt["held"]) == (10_000, 10_000, 0)
    wallet = (await ann.get("/v1/wallet")).json()
    assert wallet["wallets"] == [
        {
            "currency": "CREDIT",
            "balance": 590_000,
            "held": 0,
            "available": 590_000,
            "bonus": wallet["wallets"][0]["bonus"],
        }
    ]
    listed = (await ann.get("/v1/jobs")).json()
    assert [one["id"] for one in listed["jobs"]] == [body["id"]]


async def test_an_idempotency_key(ann: httpx.AsyncClient) -> None:
    headers = {"Idempotency-Key": "k"}
    first = await ann.post("/v1/jobs", json=TEXT_JOB, headers=headers)
    again = await ann.post("/v1/jobs", json=TEXT_JOB, headers=headers)
    other = await ann.post("/v1/jobs", json=TEXT_JOB | {"input": {"text": "x"}}, headers=headers)
    free = [await ann.post("/v1/jobs", json=TEXT_JOB) for _ in range(2)]
    assert (first.status_code, again.status_code) == (202, 200)
    assert first.json()["id"] == again.json()["id"]
    refused(other, 409, "key_conflict")
    assert [one.status_code for one in free] == [202, 202]
    assert free[0].json()["id"] != free[1].json()["id"]


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": ""},
        {"Authorization": "Bearer wrong"},
        {"Authorization": f"Basic {KEY}"},
        {"Authorization": "Bearer"},
        {"X-Leyden-User": ""},
    ],
)
async def test_who_is_not_known_is_refused(desk: Desk, headers: dict[str, str]) -> None:
    async with api(desk) as client:
        for method, path in (("GET", "/v1/wallet"), ("POST", "/v1/jobs"), ("POST", "/v1/files")):
            answer = await client.request(method, path, headers=headers, json=TEXT_JOB)
            refused(answer, 401, "unauthorized")
            assert answer.headers["www-authenticate"] == "Bearer"


async def test_the_development_key_is_worth_nothing_beyond_loopback(
    dsn: str, redis_url: str, tmp_path: Path
) -> None:
    async with (
        desk_on(dsn, redis_url, tmp_path, host="0.0.0.0") as desk,
        api(desk) as client,
    ):
        refused(await client.get("/v1/wallet"), 401, "unauthorized")
        assert (await client.get("/healthz")).status_code == 200


async def test_a_name_that_cannot_be_one_is_refused(desk: Desk) -> None:
    async with api(desk, user="../etc") as client:
        refused(await client.get("/v1/wallet"), 422, "invalid_input")


async def test_a_user_is_made_with_the_sign_up_grant_at_first_use(ann: httpx.AsyncClient) -> None:
    wallet = (await ann.get("/v1/wallet")).json()
    assert (wallet["plan"], wallet["units_per_credit"]) == ("FREE", 10_000)
    assert [(one["currency"], one["balance"]) for one in wallet["wallets"]] == [("CREDIT", 600_000)]
    assert wallet["apps"]["viaizer"] == ["BATV", "CREDIT"]


async def test_another_users_things_are_missing(
    ann: httpx.AsyncClient, bob: httpx.AsyncClient, desk: Desk
) -> None:
    job = (await ann.post("/v1/jobs", json=TEXT_JOB)).json()["id"]
    sent = (await ann.post("/v1/files", files={"file": ("a.pdf", samples.pdf())})).json()["id"]
    user_id = (await desk.users.ensure("dev", "ann")).user_id
    code = (await finish_text(desk, (await desk.results.list(user_id))[0].id)).project_code
    for path in (
        f"/v1/jobs/{job}",
        f"/v1/jobs/{job}/receipt",
        f"/v1/jobs/{job}/artifacts/0",
        f"/v1/projects/{code}",
        f"/v1/projects/{code}/content",
    ):
        refused(await bob.get(path), 404, "not_found")
    refused(await bob.post(f"/v1/jobs/{job}/cancel"), 404, "not_found")
    refused(await bob.delete(f"/v1/projects/{code}"), 404, "not_found")
    wish = {"kind": "file.process", "app": "penora", "input": {"file": sent}}
    refused(await bob.post("/v1/jobs", json=wish), 404, "file_not_found")
    assert (await bob.get("/v1/jobs")).json()["jobs"] == []
    assert (await ann.get(f"/v1/projects/{code}")).status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "/v1/jobs/nope",
        "/v1/jobs/01a20000-0000-7000-8000-000000000000",
        "/v1/projects/a",
        "/x",
    ],
)
async def test_what_is_not_there_is_missing(ann: httpx.AsyncClient, path: str) -> None:
    refused(await ann.get(path), 404, "not_found")


BAD_BODIES: list[tuple[Any, int, str]] = [
    (b"{", 422, "invalid_input"),
    (b"[]", 422, "invalid_input"),
    (b"[" * 100_000, 422, "invalid_input"),
    (b'{"kind": 1e999}', 422, "invalid_input"),
    (TEXT_JOB | {"app": "nope"}, 422, "invalid_input"),
    (TEXT_JOB | {"kidn": "x"}, 422, "invalid_input"),
    (TEXT_JOB | {"kind": "nope"}, 422, "unknown_kind"),
    (TEXT_JOB | {"input": {"text": "x", "model": "gpt-9"}}, 422, "unknown_model"),
    (TEXT_JOB | {"run_at": "2026-01-01T00:00:00"}, 422, "invalid_input"),
    (TEXT_JOB | {"input": {"text": "x" * 300_000}}, 413, "payload_too_large"),
    (TEXT_JOB | {"input": {"text": "x" * 2_000_000}}, 413, "payload_too_large"),
]


@pytest.mark.parametrize(("body", "status", "code"), BAD_BODIES, ids=range(len(BAD_BODIES)))
async def test_a_bad_body_is_refused_in_words(
    ann: httpx.AsyncClient, desk: Desk, body: Any, status: int, code: str
) -> None:
    sent: dict[str, Any] = {"content": body} if isinstance(body, bytes) else {"json": body}
    answer = await ann.post("/v1/jobs", headers={"content-type": "application/json"}, **sent)
    refused(answer, status, code)
    assert await desk.db.fetchval("select count(*) from audit_jobs") == 0


async def test_a_body_that_streams_without_a_length_is_capped_too(ann: httpx.AsyncClient) -> None:
    async def endless() -> AsyncIterator[bytes]:
        yield b'{"kind": "'
        for _ in range(2_000):
            yield b"x" * 1024

    answer = await ann.post(
        "/v1/jobs", content=endless(), headers={"content-type": "application/json"}
    )
    refused(answer, 413, "payload_too_large")


async def test_a_suspended_person_is_refused_for_that_and_may_come_back(
    ann: httpx.AsyncClient, desk: Desk
) -> None:
    """403 at every price, and never 402: there are credits enough, they may not be spent."""
    user_id = (await desk.users.ensure("dev", "ann")).user_id
    statuses: tuple[Status, ...] = ("suspended", "closed")
    for status in statuses:
        await desk.wallets.set_status(user_id, status)
        refused(await ann.post("/v1/jobs", json=TEXT_JOB), 403, status)
        assert (await Jobs(desk.db).submit(job(user_id, price_units=0))).code == status
    await desk.wallets.set_status(user_id, "suspended")
    assert (await desk.users.get(user_id)).status == "suspended"
    await desk.wallets.set_status(user_id, "active")
    assert (await desk.users.get(user_id)).status == "active"
    assert (await ann.post("/v1/jobs", json=TEXT_JOB)).status_code == 202


async def test_who_is_being_erased_is_not_reopened(ann: httpx.AsyncClient, desk: Desk) -> None:
    user_id = (await desk.users.ensure("dev", "ann")).user_id
    await desk.db.fetchval("select app.begin_erasing($1)", user_id)
    with pytest.raises(NotAllowed, match="closed"):
        await desk.wallets.set_status(user_id, "active")
    with pytest.raises(Missing):
        await desk.wallets.set_status(user_id + 1, "suspended")
    refused(await ann.post("/v1/jobs", json=TEXT_JOB), 403, "closed")


async def test_refusals_speak_the_readers_language(ann: httpx.AsyncClient) -> None:
    big = {"kind": "text.generate", "app": "penora", "input": {"prompt": "x", "pages": 20}}
    for _ in range(3):
        await ann.post("/v1/jobs", json=big)
    english = refused(await ann.post("/v1/jobs", json=big), 402, "insufficient")
    headers = {"Accept-Language": "ru-RU,ru;q=0.9,en;q=0.8"}
    russian = refused(await ann.post("/v1/jobs", json=big, headers=headers), 402, "insufficient")
    assert english["title"].startswith("You need 20 and can spend 0")
    assert any("а" <= letter <= "я" for letter in russian["title"])
    assert english["facts"]["wallets"] == {"CREDIT": "60"}
    assert english["detail"] == russian["detail"]


async def test_a_file_is_known_by_its_bytes(ann: httpx.AsyncClient) -> None:
    photo = samples.photo()
    lie = {"file": ("../../etc/passwd.txt", photo, "text/html")}
    first = await ann.post("/v1/files", files=lie)
    assert first.status_code == 201
    body = first.json()
    assert (body["media_type"], body["width"], body["height"]) == (
        "image/jpeg",
        *samples.PHOTO_SIZE,
    )
    again = await ann.post("/v1/files", files={"file": ("b.jpg", photo)})
    assert again.json()["id"] == body["id"]


async def test_bad_uploads_are_refused(dsn: str, redis_url: str, tmp_path: Path) -> None:
    async with (
        desk_on(dsn, redis_url, tmp_path, upload_max_bytes=100_000) as desk,
        api(desk) as client,
    ):

        async def send(**options: Any) -> httpx.Response:
            return await client.post("/v1/files", **options)

        big = b"x" * 150_000
        refused(await send(files={"file": ("a", big * 2)}), 413, "payload_too_large")
        refused(await send(files={"file": ("a", big)}), 413, "payload_too_large")
        refused(await send(files={"file": ("a", b"\x7fELF\x00\x01")}), 415, "wrong_file_type")
        refused(await send(files={"file": ("a", b"%PDF-1.7 broken")}), 422, "file_unreadable")
        refused(await send(files={"file": ("a", b"")}), 422, "file_unreadable")
        refused(await send(files={"other": ("a", b"x")}), 422, "invalid_input")
        refused(await send(json={}), 422, "invalid_input")
        assert await desk.db.fetchval("select count(*) from app.file") == 0


async def test_a_decompression_bomb_is_refused_unopened(ann: httpx.AsyncClient) -> None:
    from io import BytesIO

    from PIL import Image

    out = BytesIO()
    Image.new("1", (12_000, 12_000)).save(out, "PNG", compress_level=1)
    answer = await ann.post("/v1/files", files={"file": ("bomb.png", out.getvalue())})
    refused(answer, 422, "media_too_heavy")


async def test_what_the_framework_refuses_has_our_shape_too(ann: httpx.AsyncClient) -> None:
    allowed = await ann.put("/v1/jobs", json=TEXT_JOB)
    refused(allowed, 405, "invalid_input")
    assert "POST" in allowed.headers["allow"]
    refused(await ann.get("/v1/nothing"), 404, "not_found")
    told = refused(await ann.post("/v1/jobs", data={"kind": "x"}), 422, "invalid_input")
    assert "application/json" in told["title"]


async def test_downloads_are_attachments_that_no_browser_runs(
    ann: httpx.AsyncClient, desk: Desk
) -> None:
    wish = {"kind": "image.generate", "app": "imagegene", "input": {"prompt": "x"}}
    made = (await ann.post("/v1/jobs", json=wish)).json()
    user_id = (await desk.users.ensure("dev", "ann")).user_id
    view = (await desk.results.list(user_id))[0]
    await finish_picture(desk, view.id, b"picture bytes")
    job = (await ann.get(f"/v1/jobs/{made['id']}")).json()
    (link,) = job["artifacts"]
    assert "key" not in link
    answer = await ann.get(link["href"])
    assert answer.content == b"picture bytes"
    assert answer.headers["content-type"] == "image/png"
    assert answer.headers["content-disposition"] == 'attachment; filename="evil_name.png"'
    assert answer.headers["x-content-type-options"] == "nosniff"
    refused(await ann.get(f"/v1/jobs/{made['id']}/artifacts/1"), 404, "not_found")
    content = await ann.get(f"/v1/projects/{job['project']}/content")
    assert content.content == b"picture bytes"
    assert content.headers["content-type"] == "text/plain; charset=utf-8"
    assert content.headers["content-disposition"].startswith("attachment")


async def test_projects_are_listed_counted_and_give_their_room_back(
    ann: httpx.AsyncClient, desk: Desk
) -> None:
    for text in ("one", "two", "two"):
        await ann.post("/v1/jobs", json=TEXT_JOB)
        user_id = (await desk.users.ensure("dev", "ann")).user_id
        await finish_text(desk, (await desk.results.list(user_id))[0].id, text)
    page = (await ann.get("/v1/projects")).json()
    assert len(page["projects"]) == 3
    assert page["storage"]["used_bytes"] == 6
    assert page["storage"]["by_app"] == [{"app": "penora", "projects": 3, "size_bytes": 9}]
    assert (await ann.get("/v1/projects?app=viaizer")).json()["projects"] == []
    assert len((await ann.get("/v1/projects?limit=2")).json()["projects"]) == 2
    freed = []
    for project in page["projects"]:
        assert project["title"] == "a title"
        gone = await ann.delete(f"/v1/projects/{project['code']}")
        freed.append(gone.json()["freed_bytes"])
    assert freed == [0, 3, 3]
    left = (await ann.get("/v1/projects")).json()
    assert (left["projects"], left["storage"]["used_bytes"]) == ([], 0)


async def test_cancel_and_the_reason_of_an_end(ann: httpx.AsyncClient) -> None:
    job = (await ann.post("/v1/jobs", json=TEXT_JOB)).json()["id"]
    assert (await ann.post(f"/v1/jobs/{job}/cancel")).json() == {"id": job, "cancel": "cancelled"}
    body = (await ann.get(f"/v1/jobs/{job}", headers={"Accept-Language": "ru"})).json()
    assert (body["state"], body["captured"]) == ("cancelled", 0)
    assert any("а" <= letter <= "я" for letter in body["reason"]["text"])


async def test_pages_of_jobs(ann: httpx.AsyncClient) -> None:
    made = [(await ann.post("/v1/jobs", json=TEXT_JOB)).json()["id"] for _ in range(5)]
    first = (await ann.get("/v1/jobs?limit=3")).json()
    rest = (await ann.get(f"/v1/jobs?limit=3&before={first['next']}")).json()
    assert [job["id"] for job in first["jobs"] + rest["jobs"]] == made[::-1]
    assert rest["next"] is None
    waiting = (await ann.get("/v1/jobs?state=waiting")).json()["jobs"]
    assert {job["state"] for job in waiting} == {"waiting"}
    refused(await ann.get("/v1/jobs?limit=0"), 422, "invalid_input")


@pytest.mark.timeout(40)
@pytest.mark.parametrize("hangs", [False, True], ids=["down", "hanging"])
async def test_redis_away_is_ready_and_refuses_nothing(
    dsn: str, tmp_path: Path, *, hangs: bool
) -> None:
    """One that hangs is waited for a moment, not for the minute that its own setting allows here."""
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(tmp_path / "redis.sock"))
        silent.listen()
        url = f"unix://{tmp_path / 'redis.sock'}?db=0" if hangs else DOWN
        async with desk_on(dsn, url, tmp_path, redis_timeout_s=60) as desk, api(desk) as client:
            ready = await client.get("/readyz")
            assert ready.status_code == 200
            assert ready.json()["checks"] == {"postgres": "ok", "disk": "ok"}
            assert ready.json()["informational"]["redis"] != "ok"
            assert (await client.post("/v1/jobs", json=TEXT_JOB)).status_code == 202


async def test_postgres_down_is_503_and_back_again(
    dsn: str, redis_url: str, tmp_path: Path, stack: StackHandle
) -> None:
    await commit_durably(dsn)
    async with desk_on(dsn, redis_url, tmp_path) as desk, api(desk) as ann:
        assert (await ann.get("/v1/wallet")).status_code == 200
        await asyncio.to_thread(stack.servers.postgres.crash)
        answers = await asyncio.gather(ann.post("/v1/jobs", json=TEXT_JOB), ann.get("/v1/wallet"))
        for answer in answers:
            refused(answer, 503, "unavailable")
            assert int(answer.headers["retry-after"]) > 0
        assert (await ann.get("/readyz")).status_code == 503
        assert (await ann.get("/healthz")).status_code == 200
        stack.servers.start()
        assert (await ann.post("/v1/jobs", json=TEXT_JOB)).status_code == 202
        assert (await ann.get("/readyz")).status_code == 200


async def test_metrics_count_by_template_and_never_by_id(ann: httpx.AsyncClient) -> None:
    job = (await ann.post("/v1/jobs", json=TEXT_JOB)).json()["id"]
    await ann.get(f"/v1/jobs/{job}")
    await ann.get("/v1/nothing/here")
    shown = (await ann.get("/metrics")).text
    assert 'route="/v1/jobs/{job_id}"' in shown
    assert 'route="unmatched"' in shown
    assert job not in shown


async def test_the_trace_of_the_caller_reaches_the_job(
    ann: httpx.AsyncClient, desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    trace = f"00-{'ab' * 16}-{'cd' * 8}-01"
    made = await ann.post("/v1/jobs", json=TEXT_JOB, headers={"traceparent": trace})
    assert made.headers["x-trace-id"] == "ab" * 16
    (line,) = [line for line in capsys.readouterr().err.splitlines() if "job.accepted" in line]
    said = json.loads(line)
    assert (said["job_id"], said["trace_id"]) == (made.json()["id"], "ab" * 16)
    user_id = (await desk.users.ensure("dev", "ann")).user_id
    assert (await desk.results.list(user_id))[0].trace == trace
    other = await ann.post("/v1/jobs", json=TEXT_JOB, headers={"traceparent": "nonsense"})
    assert len(other.headers["x-trace-id"]) == 32


async def test_a_crash_of_ours_tells_nothing(
    ann: httpx.AsyncClient, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(_user_id: int) -> None:
        message = "password=hunter2"
        raise RuntimeError(message)

    monkeypatch.setattr(type(desk.wallets), "balances", broken)
    body = refused(await ann.get("/v1/wallet"), 500, "internal")
    assert "hunter2" not in str(body)


async def test_the_documented_schema_is_served(ann: httpx.AsyncClient) -> None:
    paths = (await ann.get("/openapi.json")).json()["paths"]
    assert {
        "/v1/jobs",
        "/v1/jobs/{job_id}",
        "/v1/jobs/{job_id}/cancel",
        "/v1/files",
        "/v1/wallet",
        "/v1/projects",
        "/v1/projects/{code}/content",
        "/healthz",
        "/readyz",
        "/metrics",
    } <= set(paths)


def test_the_development_key_is_made_once_and_is_private(tmp_path: Path) -> None:
    key = dev_key(tmp_path / "data")
    assert key == dev_key(tmp_path / "data")
    assert len(key) > 40
    assert (tmp_path / "data" / "dev.key").stat().st_mode & 0o777 == 0o600
    assert dev_key(tmp_path / "other") != key
