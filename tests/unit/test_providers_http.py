"""Our client and the SDK's against a server that packs its answers: what is counted is what is kept."""

import asyncio
import gzip
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from schemas.catalogue import catalogue
from workers.providers.port import Call
from workers.providers.wire import MIB, Account
from workers.providers.wire_faults import Lost
from workers.providers.wire_http import Http
from workers.providers.wire_made import Bought
from workers.providers.wire_sdk import answered, patience, sdk_client
from workers.providers.wire_tasks import LINKS_MAX, Record, Schedule, Task, pursue

BODY = b'{"data": "' + b"a" * (64 * MIB) + b'"}'


@dataclass
class Packer:
    """Answers everything with one body; `heads` are the requests' headers, in small letters."""

    encoding: str
    body: bytes
    url: str = ""
    heads: list[str] = field(default_factory=list)

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.heads.append((await reader.readuntil(b"\r\n\r\n")).decode().lower())
        head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n"
        head += f"Content-Encoding: {self.encoding}\r\n" if self.encoding else ""
        writer.write(f"{head}Content-Length: {len(self.body)}\r\n\r\n".encode() + self.body)
        writer.close()


@asynccontextmanager
async def packing(encoding: str, body: bytes) -> AsyncIterator[Packer]:
    packer = Packer(encoding, body)
    server = await asyncio.start_server(packer.answer, "127.0.0.1", 0)
    packer.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server:
        yield packer


@pytest.mark.parametrize("encoding", ["gzip", "GZIP", "identity, gzip"])
async def test_a_small_answer_that_would_unfold_to_a_large_one_is_not_unfolded(
    encoding: str,
) -> None:
    async with packing(encoding, gzip.compress(BODY, 1)) as there:
        http = Http(Account(there.url, "key"), answer_max_bytes=MIB)
        with pytest.raises(Lost, match="packed"):
            await http.get("/", wait_s=20)
        await http.close()
    assert "accept-encoding: identity\r\n" in there.heads[0]


async def test_the_client_below_the_sdk_takes_no_packed_answer_either() -> None:
    async with packing("gzip", gzip.compress(BODY, 1)) as there:
        client = sdk_client(Account(there.url, "key"))
        request = client.models.with_raw_response.list(timeout=patience(20))
        with pytest.raises(Lost, match="packed"):
            await answered(request, model="m", wait_s=20)
        await client.close()
    assert "accept-encoding: identity\r\n" in there.heads[0]


async def test_an_answer_that_says_it_is_plain_is_read() -> None:
    async with packing("identity", b'{"data": 1}') as there:
        http = Http(Account(there.url, "key"), answer_max_bytes=MIB)
        assert (await http.get("/", wait_s=20)).body == {"data": 1}
        await http.close()


@dataclass
class Noted:
    """A journal in which a task is there already."""

    remote_ref: str | None = "t1"
    unanswered: bool = False
    callback_url: str | None = None

    async def intend(self) -> None: ...

    async def bought(self, remote_ref: str) -> None: ...

    async def unsold(self, outcome: str) -> None: ...

    async def paid(self, outcome: str, *, cost_usd_micros: int | None) -> None: ...


async def test_a_record_that_names_hundreds_of_files_has_a_few_of_them_fetched() -> None:
    fetched = []

    async def order() -> str:
        raise AssertionError

    async def read(_ref: str) -> Record:
        return Record("done", tuple(f"https://x/{number}" for number in range(500)))

    async def fetch(link: str) -> bytes:
        fetched.append(link)
        return b"."

    task = Task(order, read, fetch, Schedule(1.0, ((1.0, 1.0),), 0.0))
    row = catalogue().row("nano-banana-2")
    assert row is not None
    bought = await pursue(task, Call(row, float("inf"), journal=Noted()))
    assert isinstance(bought, Bought)
    assert len(bought.files) == len(fetched) == LINKS_MAX
