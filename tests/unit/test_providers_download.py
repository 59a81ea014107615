"""Where a result is fetched from, and where it is not: real sockets, real TLS, names of our own."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from ops.base.clock import now
from workers.providers.download import (
    Downloads,
    LinkExpired,
    LinkRefused,
    is_public_address,
    new_client,
)
from workers.providers.wire_faults import Lost, NotSold

Seen = list[bytes]
HOME = "https://api.provider.test"


async def serve(
    answer: Callable[[bytes], bytes], seen: Seen, *, tls: ssl.SSLContext | None = None
) -> asyncio.Server:
    async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await reader.readuntil(b"\r\n\r\n")
        seen.append(request)
        writer.write(answer(request))
        await writer.drain()
        writer.close()

    return await asyncio.start_server(one, "127.0.0.1", 0, ssl=tls)


def port_of(server: asyncio.Server) -> int:
    return int(server.sockets[0].getsockname()[1])


def ok(body: bytes, *headers: str) -> bytes:
    lines = ["HTTP/1.1 200 OK", f"Content-Length: {len(body)}", "Connection: close", *headers]
    return "\r\n".join([*lines, "", ""]).encode() + body


def moved(to: str) -> bytes:
    return f"HTTP/1.1 302 Found\r\nLocation: {to}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode()


@asynccontextmanager
async def home(answer: Callable[[bytes], bytes]) -> AsyncIterator[tuple[str, Seen]]:
    """An account on this machine, which is trusted."""
    seen: Seen = []
    async with await serve(answer, seen) as server:
        yield f"http://127.0.0.1:{port_of(server)}", seen


@asynccontextmanager
async def downloads(base: str, **more: object) -> AsyncIterator[Downloads]:
    made = Downloads(home=base, hosts=("files.test",), **more)  # type: ignore[arg-type]
    yield made
    await made.close()


def resolver(*addresses: str) -> Callable[[str, int], Awaitable[list[str]]]:
    async def resolve(_host: str, _port: int) -> list[str]:
        return list(addresses)

    return resolve


async def fetch(made: Downloads, url: str, most: int = 1_000) -> bytes:
    return await made.fetch(url, size_max_bytes=most, wait_s=5)


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.1.2.3", "192.168.0.1", "172.16.0.1", "169.254.169.254", "0.0.0.0", "100.64.0.1",
     "224.0.0.1", "255.255.255.255", "::1", "::", "fe80::1%eth0", "fc00::1", "::ffff:10.0.0.1",
     "2002:0a00:0001::1", "64:ff9b::a00:1", "2001:db8::1", "ff02::1"],
)  # fmt: skip
def test_an_address_inside(address: str) -> None:
    assert not is_public_address(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "1.1.1.1", "2606:4700::1111", "::ffff:8.8.8.8"])
def test_an_address_of_the_internet(address: str) -> None:
    assert is_public_address(address)


async def test_the_account_itself_is_trusted_and_gets_its_key() -> None:
    async with home(lambda _: ok(b"film")) as (base, seen), downloads(base) as made:
        key = {"Authorization": "Bearer k"}
        url = f"{base}/v/1"
        assert await made.fetch(url, size_max_bytes=9, wait_s=5, headers=key) == b"film"
        assert b"authorization: bearer k" in seen[0].lower()
        assert b"Mozilla" in seen[0]


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("https://elsewhere.test/1.mp4", "unknown_host"),
        ("https://evilfiles.test/1.mp4", "unknown_host"),
        ("https://files.test.evil/1.mp4", "unknown_host"),
        ("http://files.test/1.mp4", "not_https"),
        ("ftp://files.test/1.mp4", "not_https"),
        ("https://files.test:8443/1.mp4", "not_https"),
        ("https://user:secret@files.test/1.mp4", "not_https"),
        ("file:///etc/passwd", "unknown_host"),
        ("https://files.test/1.mp4", "private_address"),
        ("https://a.files.test/1.mp4", "private_address"),
        ("https://[::1", "bad_address"),
        ("nonsense", "unknown_host"),
        ("", "unknown_host"),
    ],
)
async def test_where_we_do_not_go(url: str, reason: str) -> None:
    # One private address among public ones is enough: the next look-up may give that one.
    async with downloads(HOME, resolve=resolver("8.8.8.8", "10.0.0.1")) as made:
        with pytest.raises(LinkRefused) as caught:
            await fetch(made, url)
    assert caught.value.reason == reason


@pytest.mark.parametrize(
    ("to", "reason"),
    [
        ("http://169.254.169.254/latest/meta-data/", "not_https"),
        ("https://inside.test/x", "private_address"),
        ("//inside.test/x", "not_https"),
        ("http://127.0.0.1:1/x", "not_https"),
        ("/again", "too_many_redirects"),
        ("", "too_many_redirects"),
    ],
)
async def test_a_redirect_is_looked_at_as_hard(to: str, reason: str) -> None:
    async with (
        home(lambda _: moved(to)) as (base, seen),
        downloads(base, resolve=resolver("10.0.0.1")) as made,
    ):
        with pytest.raises(LinkRefused) as caught:
            await fetch(made, f"{base}/v/1")
        assert caught.value.reason == reason
        assert len(seen) <= 6


@pytest.mark.parametrize("status", [401, 403, 404, 410])
async def test_a_link_that_is_good_no_more(status: int) -> None:
    answer = f"HTTP/1.1 {status} No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode()
    async with home(lambda _: answer) as (base, _), downloads(base) as made:
        with pytest.raises(LinkExpired):
            await fetch(made, f"{base}/v/1")


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 503 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
        b"HTTP/1.1 206 Part\r\nContent-Length: 1\r\nConnection: close\r\n\r\nx",
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\nConnection: close\r\n\r\nfilm",
        b"nonsense",
        b"",
    ],
)
async def test_what_may_get_better(answer: bytes) -> None:
    async with home(lambda _: answer) as (base, _), downloads(base) as made:
        with pytest.raises(Lost):
            await fetch(made, f"{base}/v/1")


async def test_nobody_there_and_no_such_name() -> None:
    async with downloads("http://127.0.0.1:1") as made:
        with pytest.raises(NotSold):
            await fetch(made, "http://127.0.0.1:1/v")

    async def no_name(_host: str, _port: int) -> list[str]:
        raise OSError

    async with downloads(HOME, resolve=no_name) as made:
        with pytest.raises(Lost):
            await fetch(made, "https://files.test/1")


@pytest.mark.parametrize("told", [True, False])
async def test_a_file_is_never_larger_than_its_cap(told: bool) -> None:
    whole = ok(b"x" * 1_000)
    answer = whole if told else whole.replace(b"Content-Length: 1000\r\n", b"")
    async with home(lambda _: answer) as (base, _), downloads(base) as made:
        assert len(await fetch(made, f"{base}/v/1", most=1_000)) == 1_000
        with pytest.raises(LinkRefused) as caught:
            await fetch(made, f"{base}/v/1", most=999)
    assert caught.value.reason == "too_large"


async def test_time_runs_out() -> None:
    async def silent(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nfi")

    async with await asyncio.start_server(silent, "127.0.0.1", 0) as server:
        base = f"http://127.0.0.1:{port_of(server)}"
        async with downloads(base) as made:
            with pytest.raises(Lost) as caught:
                await made.fetch(f"{base}/v", size_max_bytes=9, wait_s=0.2)
    assert caught.value.reason == "too_late"


# ---------------------------------------------------------------------------------------------- TLS


def certificate(folder: Path, name: str) -> tuple[Path, Path]:
    """A certificate for this name that signs itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now() - timedelta(days=1))
        .not_valid_after(now() + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    certificate_path, key_path = folder / f"{name}.pem", folder / f"{name}.key"
    certificate_path.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    key_path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return certificate_path, key_path


@pytest.mark.parametrize("name", ["files.test", "other.test"])
async def test_the_checked_address_is_used_and_the_name_is_proven(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """The address comes from our look-up alone; the certificate must be that of the name."""
    path, key = certificate(tmp_path, name)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(path, key)
    seen: Seen = []
    async with await serve(lambda _: ok(b"film"), seen, tls=tls) as server:
        monkeypatch.setattr("workers.providers.download.HTTPS_PORT", port_of(server))
        trust = ssl.create_default_context(cafile=str(path))
        made = Downloads(
            home=HOME,
            hosts=("files.test",),
            resolve=resolver("127.0.0.1"),
            is_public=lambda _address: True,
            client=new_client(trust=trust),
        )
        url = f"https://files.test:{port_of(server)}/v/1"
        if name == "files.test":
            assert await fetch(made, url) == b"film"
            assert f"host: files.test:{port_of(server)}".encode() in seen[0].lower()
        else:
            with pytest.raises(NotSold):
                await fetch(made, url)
            assert seen == []
        await made.close()
