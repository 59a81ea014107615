"""Checks of single setting values; each raises ValueError with a text that never holds the value.

The value may be a secret: pydantic prints what a check says, so a check must not quote it.
"""

import base64
import binascii
import re
from collections.abc import Callable
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import SecretStr

KEY_SIZE_BYTES = 32
CHANNEL_NAME = re.compile(r"^@[A-Za-z][A-Za-z0-9_]{4,31}\Z")
WEBHOOK_WORD = re.compile(r"^[A-Za-z0-9_-]{16,256}\Z")


def scheme_of(*schemes: str) -> Callable[[str], str]:
    """A check that an address begins with one of `schemes`; ValueError if it does not."""

    def check(value: str) -> str:
        if value.partition("://")[0] not in schemes or "://" not in value:
            problem = "should begin with " + " or ".join(f"{name}://" for name in schemes)
            raise ValueError(problem)
        return value

    return check


def public_address(value: str) -> str:
    """An https address without a slash at the end; http only for this very machine."""
    parts = urlsplit(value)
    if not parts.hostname or parts.scheme not in {"http", "https"}:
        msg = "should be an https:// address"
        raise ValueError(msg)
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        msg = "should begin with https:// (http:// is for loopback only)"
        raise ValueError(msg)
    return value.rstrip("/")


def is_loopback(host: str) -> bool:
    """Whether `host` (a name or an address) can only be reached from this machine."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def absolute_path(value: Path) -> Path:
    """The path made absolute once, so that a later chdir or a child process cannot move it."""
    return value.expanduser().absolute()


def one_word(value: SecretStr) -> SecretStr:
    """ValueError for a key that could not stand in a header: empty, or with blanks in it."""
    word = value.get_secret_value()
    if not word.isascii() or not word.isprintable() or not word or " " in word:
        msg = "should be one word of visible ASCII characters"
        raise ValueError(msg)
    return value


def webhook_word(value: SecretStr) -> SecretStr:
    """ValueError for a secret that Telegram's setWebhook would refuse, or that could be guessed."""
    if not WEBHOOK_WORD.match(value.get_secret_value()):
        msg = "should be 16 to 256 letters, digits, _ or -"
        raise ValueError(msg)
    return value


def channel_name(value: str) -> str:
    """ValueError unless it is empty or the public name of a channel, with its @."""
    if value and not CHANNEL_NAME.match(value):
        msg = "should be @ and 5 to 32 letters, digits or _"
        raise ValueError(msg)
    return value


def key_of_32_bytes(value: SecretStr) -> SecretStr:
    """ValueError unless `value` is URL-safe base64 of exactly 32 bytes."""
    decode_key(value.get_secret_value())
    return value


def decode_key(text: str) -> bytes:
    """The 32 bytes behind URL-safe base64 `text`; ValueError that does not quote it."""
    msg = "should be 32 bytes in URL-safe base64"
    try:
        key = base64.b64decode(text.strip(), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise ValueError(msg) from None
    if len(key) != KEY_SIZE_BYTES:
        raise ValueError(msg)
    return key
