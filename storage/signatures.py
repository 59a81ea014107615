"""Signatures of callbacks, where their provider makes any and we have its secret.

They come on top of our own mark in the address, which is always asked for. Without a secret the mark
alone decides, and either way a callback is only a reason to look.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Self

from pydantic import SecretStr

from ops.base.settings import Settings

WINDOW_S: Final = 300.0
"""How old a signed callback of OpenRouter may be: what its page on webhooks asks for."""
_OPENROUTER: Final = re.compile(r"^t=(\d{1,12}),v1=([0-9a-fA-F]{64})$")


@dataclass(frozen=True, slots=True)
class Signatures:
    """`secrets`: provider -> what it signs with."""

    secrets: Mapping[str, str]

    @classmethod
    def of(cls, settings: Settings) -> Self:
        told = {
            "openrouter": settings.openrouter_webhook_secret,
            "kie": settings.kie_webhook_secret,
        }
        given = {name: one for name, one in told.items() if isinstance(one, SecretStr)}
        return cls({name: one.get_secret_value() for name, one in given.items()})

    def fit(
        self,
        provider: str,
        *,
        headers: Mapping[str, str],
        body: bytes,
        task: str | None,
        now_s: float,
    ) -> bool:
        """True also for a provider whose secret we do not have. `task`: the one that the body names;
        `now_s`: seconds since 1970.
        """
        secret = self.secrets.get(provider)
        if secret is None:
            return True
        if provider == "openrouter":
            return _openrouter(secret, headers.get("x-openrouter-signature", ""), body, now_s)
        stamp = headers.get("x-webhook-timestamp", "")
        return _kie(secret, headers.get("x-webhook-signature", ""), stamp, task)


def _openrouter(secret: str, header: str, body: bytes, now_s: float) -> bool:
    """`t=<seconds>,v1=<hex of HMAC-SHA256 over "t,body">`. A dot in place of the comma is as good: the
    sources differ, and who does not know the secret gains nothing by it.
    """
    found = _OPENROUTER.match(header.strip())
    if found is None or abs(now_s - int(found[1])) > WINDOW_S:
        return False
    told = (f"{found[1]}{sign}".encode() + body for sign in ",.")
    made = [hmac.digest(secret.encode(), each, hashlib.sha256).hex() for each in told]
    return any(hmac.compare_digest(each, found[2].lower()) for each in made)


def _kie(secret: str, header: str, stamp: str, task: str | None) -> bool:
    """Base64 of HMAC-SHA256 over `<task id>.<seconds>` (docs.kie.ai, Webhook Verification): it is about
    the task and says nothing of the rest of the body.
    """
    if task is None:
        return False
    made = hmac.digest(secret.encode(), f"{task}.{stamp}".encode(), hashlib.sha256)
    return hmac.compare_digest(base64.b64encode(made), header.strip().encode())
