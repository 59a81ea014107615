"""Who asks. For now one development key, for whoever sits at this very machine.

The key is made at first start beside the stack's data, readable by its owner alone. It works only while
the server listens on loopback: on any other address every request is refused, and the start says so.
`X-Leyden-User` names the person it acts for, who is made with the sign-up grants at first use.
"""

import hmac
import os
import secrets
from collections import OrderedDict
from pathlib import Path
from typing import Annotated, Final

from fastapi import Depends, Request

from ops.base.clock import monotonic_s
from ops.base.validators import is_loopback
from producers.desk import Desk
from schemas.errors import ConfigError, NotAllowed
from schemas.texts import language_of
from storage.users import Users, check_name

KEY_FILE: Final = "dev.key"
PROVIDER: Final = "dev"
USERS_KEPT: Final = 10_000
KNOWN_S: Final = 10.0
"""A name may lead to somebody else later: who was erased and comes back is a new person."""


def dev_key(data_dir: Path) -> str:
    """The key of this data folder, made at the first call (mode 0600). Raises ConfigError."""
    path = data_dir / KEY_FILE
    try:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not path.exists():
            _make(path)
        key = path.read_text(encoding="ascii").strip()
    except (OSError, ValueError) as error:
        problem = f"{path} cannot be read or written ({type(error).__name__})"
        raise ConfigError(setting="LEYDEN_DATA_DIR", problem=problem) from error
    if not key:
        raise ConfigError(setting="LEYDEN_DATA_DIR", problem=f"{path} is empty: remove it")
    return key


def _make(path: Path) -> None:
    """Two first starts agree on one key; killed at any line, there is a whole file or none."""
    draft = path.with_name(f".{KEY_FILE}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(f"leyden_dev_{secrets.token_urlsafe(32)}\n")
        try:
            path.hardlink_to(draft)
        except FileExistsError:
            return
    finally:
        draft.unlink(missing_ok=True)


class Gate:
    """Turns the headers of a request into an internal user id."""

    def __init__(self, users: Users, *, key: str, host: str, known_s: float = KNOWN_S) -> None:
        self._users = users
        self._key = key.encode()
        self._open = is_loopback(host)
        self._known_s = known_s
        self._known: OrderedDict[str, tuple[int, float]] = OrderedDict()

    async def admit(self, request: Request) -> int:
        """Raises NotAllowed `unauthorized`, InvalidInput for a name that cannot be one."""
        self.check_key(request)
        name = request.headers.get("x-leyden-user", "")
        if not name:
            raise NotAllowed("unauthorized", problem="X-Leyden-User names nobody")
        check_name(PROVIDER, name)
        return await self._user(name, request.headers.get("accept-language"))

    async def has_moved(self, request: Request) -> bool:
        """Forget whom the name stood for; whether it stands for them no more. Raises Unavailable."""
        name = request.headers.get("x-leyden-user", "")
        known = self._known.pop(name, None)
        return known is not None and await self._users.find(PROVIDER, name) != known[0]

    def check_key(self, request: Request) -> None:
        """Compared in constant time. Raises NotAllowed."""
        scheme, _, sent = request.headers.get("authorization", "").partition(" ")
        same = hmac.compare_digest(sent.strip().encode(), self._key)
        if not (self._open and same and scheme.lower() == "bearer"):
            raise NotAllowed("unauthorized")

    async def _user(self, name: str, language: str | None) -> int:
        known = self._known.get(name)
        if known is not None and monotonic_s() - known[1] < self._known_s:
            return known[0]
        met = await self._users.ensure(PROVIDER, name, language=language_of(language))
        self._known[name] = (met.user_id, monotonic_s())
        self._known.move_to_end(name)
        if len(self._known) > USERS_KEPT:
            self._known.popitem(last=False)
        return met.user_id


async def _user_id(request: Request) -> int:
    gate: Gate = request.app.state.gate
    return await gate.admit(request)


async def _desk(request: Request) -> Desk:
    desk: Desk = request.app.state.desk
    return desk


UserId = Annotated[int, Depends(_user_id)]
TheDesk = Annotated[Desk, Depends(_desk)]
