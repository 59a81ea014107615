"""Media that a bot names by its address. Unlike the real server, this one reaches loopback, too."""

from urllib.parse import urlsplit

import httpx

from ops.sandbox.telegram.files import Upload
from ops.sandbox.telegram.refusals import bad_request

TIMEOUT_S = 20.0


async def fetch(url: str, *, most_bytes: int) -> Upload:
    """Raises BotApiRefusal 400 with the real server's sentence."""
    pieces: list[bytes] = []
    size_bytes = 0
    try:
        async with (
            httpx.AsyncClient(timeout=TIMEOUT_S, follow_redirects=True, trust_env=False) as client,
            client.stream("GET", url) as answer,
        ):
            if answer.status_code != httpx.codes.OK:
                raise bad_request("failed to get HTTP URL content")
            kind = answer.headers.get("content-type", "").partition(";")[0]
            async for piece in answer.aiter_bytes():
                size_bytes += len(piece)
                if size_bytes > most_bytes:
                    raise bad_request("failed to get HTTP URL content")
                pieces.append(piece)
    except (httpx.HTTPError, httpx.InvalidURL):
        raise bad_request("failed to get HTTP URL content") from None
    if kind.startswith("text/html"):
        raise bad_request("wrong type of the web page content")
    name = urlsplit(url).path.rpartition("/")[2] or "file"
    return Upload(b"".join(pieces), name, kind or "application/octet-stream")
