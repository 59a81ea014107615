"""Fetching a result from an address that a provider named.

The address came from outside, so it is followed only to where results may be: https, a host that is
known for this provider, and at every step of a redirect an address of the public internet. The
address that was checked is the one that is connected to. The account's own origin is trusted, which
is what lets a provider on this machine be played.
"""

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final

import httpx

from ops.base.trust import authorities
from workers.providers.wire import CONNECT_TIMEOUT_S, PLAIN, USER_AGENT, broken
from workers.providers.wire_faults import Lost, named_pause_s

REDIRECTS_MAX: Final = 5
SILENCE_MAX_S: Final = 20.0
HTTPS_PORT: Final = 443
_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_GONE: Final = frozenset({401, 403, 404, 410})

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]


class LinkRefused(Exception):
    """The file cannot be had from there, now or later. `reason` is one word."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class LinkExpired(LinkRefused):
    """The host says that the link is good no more; its provider may give another."""


class Downloads:
    """Results of one provider. `home` is the account's base URL; `hosts` are domains, each with all
    that ends in it.
    """

    def __init__(
        self,
        *,
        home: str,
        hosts: tuple[str, ...],
        resolve: Resolve | None = None,
        is_public: Callable[[str], bool] | None = None,
        client: httpx.AsyncClient | None = None,
    ) -> None:
        self._home = _origin(httpx.URL(home))
        self._hosts = hosts
        self._resolve = resolve or _addresses
        self._is_public = is_public or is_public_address
        self._client = client or new_client()

    async def fetch(
        self,
        url: str,
        *,
        size_max_bytes: int,
        wait_s: float,
        headers: Mapping[str, str] | None = None,
    ) -> bytes:
        """The whole file. `headers` go to the account's own origin and nowhere else.

        Raises LinkRefused, LinkExpired; Lost and NotSold when another try may do better.
        """
        try:
            async with asyncio.timeout(wait_s):
                return await self._follow(url, size_max_bytes, dict(headers or {}))
        except TimeoutError:
            raise Lost("too_late") from None
        except httpx.InvalidURL:
            raise LinkRefused("bad_address") from None
        except httpx.HTTPError as error:
            raise broken(error) from error

    async def close(self) -> None:
        await self._client.aclose()

    async def _follow(self, url: str, size_max_bytes: int, headers: dict[str, str]) -> bytes:
        here = httpx.URL(url)
        if _origin(here) != self._home and not self._is_known(here.host):
            raise LinkRefused("unknown_host")
        for _ in range(REDIRECTS_MAX + 1):
            request = await self._request(here, headers)
            response = await self._client.send(request, stream=True)
            try:
                if response.status_code in _REDIRECTS:
                    here = here.join(response.headers.get("location", ""))
                    continue
                _check_status(response, at_home=_origin(here) == self._home)
                return await _read(response, size_max_bytes)
            finally:
                await response.aclose()
        raise LinkRefused("too_many_redirects")

    async def _request(self, url: httpx.URL, headers: dict[str, str]) -> httpx.Request:
        """Raises LinkRefused for where we do not go."""
        timeout = httpx.Timeout(SILENCE_MAX_S, connect=CONNECT_TIMEOUT_S)
        common = {"User-Agent": USER_AGENT, "Accept-Encoding": PLAIN}
        if _origin(url) == self._home:
            return self._client.build_request(
                "GET", url, headers={**common, **headers}, timeout=timeout
            )
        if url.scheme != "https" or url.userinfo or (url.port or HTTPS_PORT) != HTTPS_PORT:
            raise LinkRefused("not_https")
        address = await self._checked(url.host)
        return self._client.build_request(
            "GET",
            url.copy_with(host=address),
            headers={**common, "Host": url.netloc.decode()},
            timeout=timeout,
            extensions={"sni_hostname": url.host},
        )

    async def _checked(self, host: str) -> str:
        """An address of this host. One private address among several is one too many."""
        try:
            addresses = await self._resolve(host, HTTPS_PORT)
        except OSError:
            raise Lost("no_address") from None
        if not addresses or not all(map(self._is_public, addresses)):
            raise LinkRefused("private_address")
        return addresses[0]

    def _is_known(self, host: str) -> bool:
        return any(host == known or host.endswith(f".{known}") for known in self._hosts)


def new_client(*, trust: ssl.SSLContext | None = None) -> httpx.AsyncClient:
    """No connection is used twice: it is made to an address, and one address serves many hosts."""
    limits = httpx.Limits(max_keepalive_connections=0)
    return httpx.AsyncClient(
        verify=trust or authorities(), limits=limits, trust_env=False, follow_redirects=False
    )


def is_public_address(address: str) -> bool:
    """Whether an IP address is one of the public internet, also inside an IPv6 disguise."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
        if ip in _NAT64:
            inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if inner is not None:
            return is_public_address(str(inner))
    return ip.is_global and not ip.is_multicast and not ip.is_reserved


async def _addresses(host: str, port: int) -> list[str]:
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(address[0]) for *_, address in found]


async def _read(response: httpx.Response, size_max_bytes: int) -> bytes:
    """Piece by piece up to the cap. A body that ends early is an httpx.RemoteProtocolError."""
    length = response.headers.get("content-length", "")
    if length.isdecimal() and int(length) > size_max_bytes:
        raise LinkRefused("too_large")
    body = bytearray()
    async for piece in response.aiter_raw():
        body += piece
        if len(body) > size_max_bytes:
            raise LinkRefused("too_large")
    return bytes(body)


def _check_status(response: httpx.Response, *, at_home: bool) -> None:
    """Raises LinkExpired, Lost. A pause is the account's own only where its own origin asks for it."""
    status = response.status_code
    if status in _GONE:
        raise LinkExpired("expired")
    if status != httpx.codes.OK:
        pause_s = named_pause_s(response.headers) if at_home else None
        raise Lost(f"status_{status}", retry_after_s=pause_s)


def _origin(url: httpx.URL) -> tuple[str, str, int | None]:
    default = {"http": 80, "https": HTTPS_PORT}.get(url.scheme)
    return url.scheme, url.host, url.port or default
