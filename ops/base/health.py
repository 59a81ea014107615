"""Is this process alive, and should it be given work? Answers for /healthz, /readyz and `doctor`.

Live: the loop turns. Ready: every named check passes and nobody asked to drain. At SIGTERM
readiness is switched off first, so that a balancer stops sending before the server stops taking.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

Check = Callable[[], Awaitable[object]]

CHECK_TIMEOUT_S = 2.0
OK = "ok"


@dataclass(frozen=True, slots=True)
class Verdict:
    """`checks`: what each check said, `ok` or the kind of its error, never the error's text."""

    ok: bool
    checks: dict[str, str]


class Health:
    """Named checks of one process; a check is an async function that raises when unwell."""

    def __init__(self, *, check_timeout_s: float = CHECK_TIMEOUT_S) -> None:
        """A check that takes longer than `check_timeout_s` seconds has failed."""
        self._check_timeout_s = check_timeout_s
        self._checks: dict[str, Check] = {}
        self._draining = False

    def add(self, name: str, check: Check) -> None:
        """Make readiness depend on `check`. ValueError when the name is taken."""
        if name in self._checks:
            msg = f"there is a check {name} already"
            raise ValueError(msg)
        self._checks[name] = check

    def drain(self) -> None:
        """From now on not ready, whatever the checks say; there is no way back."""
        self._draining = True

    async def live(self) -> Verdict:
        """Alive whenever the loop can answer: a store that is down must not restart us."""
        return Verdict(ok=True, checks={})

    async def ready(self) -> Verdict:
        """Run all checks at once."""
        names = list(self._checks)
        said = await asyncio.gather(*(self._run(name) for name in names))
        checks = dict(zip(names, said, strict=True))
        if self._draining:
            checks["drain"] = "draining"
        return Verdict(ok=all(text == OK for text in checks.values()), checks=checks)

    async def _run(self, name: str) -> str:
        try:
            async with asyncio.timeout(self._check_timeout_s):
                await self._checks[name]()
        except Exception as error:  # noqa: BLE001 (whatever a check raises is its verdict)
            return type(error).__name__
        return OK
