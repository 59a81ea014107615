"""Who looks at the chat page: a cookie with a secret, of which the sandbox keeps only a digest."""

import hashlib
import secrets
from typing import Final

from starlette.requests import Request

from ops.sandbox.telegram.records import Person
from ops.sandbox.telegram.world import TelegramWorld

COOKIE: Final = "play_visitor"
LANGUAGES: Final = ("en", "ru")
_NAMES: Final = {"en": "Guest", "ru": "Гость"}


def known_visitor(world: TelegramWorld, request: Request) -> Person | None:
    secret = request.cookies.get(COOKIE, "")
    if not secret:
        return None
    digest = _digest(secret)
    found = (one for one in world.people if secrets.compare_digest(one.visitor, digest))
    return next(found, None)


def new_visitor(world: TelegramWorld, *, language: str) -> str:
    """Make a person; the secret for the cookie."""
    secret = secrets.token_urlsafe(32)
    world.add_person(_NAMES[language], language=language, visitor=_digest(secret))
    return secret


def language_of(request: Request) -> str:
    """The first language of the browser that the page speaks; English otherwise."""
    for part in request.headers.get("accept-language", "").split(","):
        code = part.partition(";")[0].strip().lower().partition("-")[0]
        if code in LANGUAGES:
            return code
    return LANGUAGES[0]


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
