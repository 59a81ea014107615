"""Which addresses may stand behind a text or a button. A wrong one in a text is dropped silently."""

import re
from typing import Final
from urllib.parse import urlsplit

from ops.sandbox.telegram.records import Wire

SCHEMES: Final = ("http", "https", "tg", "ton", "tonsite")
_HOST: Final = re.compile(r"(localhost|\[[0-9a-f:.]+\]|([\w-]+\.)+[\w-]+)", re.IGNORECASE)
_MENTION: Final = re.compile(r"tg://user\?id=(\d+)")


def clean_url(url: str) -> str | None:
    """The address with a scheme and a slash; None for what is no address."""
    url = url.strip()
    if not url or any(char.isspace() or char < " " for char in url):
        return None
    if not re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", url):
        if re.match(r"[A-Za-z][A-Za-z0-9+.-]*:(?!\d)", url):
            return None
        url = f"http://{url}"
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    if parts.scheme.lower() not in SCHEMES:
        return None
    if parts.scheme.lower() in ("http", "https"):
        if parts.hostname is None or not _HOST.fullmatch(_host(parts.hostname)):
            return None
        return url if parts.path else f"{url}/" if not (parts.query or parts.fragment) else url
    return url


def link_entity(url: str, entity: Wire) -> Wire | None:
    """A link or a mention in place of `entity`; None when there is no such address."""
    if found := _MENTION.fullmatch(url):
        user = {"id": int(found[1]), "is_bot": False, "first_name": f"Person {found[1]}"}
        return entity | {"type": "text_mention", "user": user}
    address = clean_url(url)
    return None if address is None else entity | {"type": "text_link", "url": address}


def _host(hostname: str) -> str:
    return f"[{hostname}]" if ":" in hostname else hostname
