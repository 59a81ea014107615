"""Telegram without a token: the sandbox's server, its bots, and where a person opens the chat page."""

import asyncio
import socket
from dataclasses import dataclass
from typing import Final

import httpx

from ops.base.inherited import environment
from ops.base.logs import get_logger
from schemas.errors import ConfigError
from schemas.money import App

log = get_logger(__name__)

HOST: Final = "127.0.0.1"
PORT: Final = 8090
TOKENS: Final = {
    App.VIAIZER: "700001:play-viaizer-of-the-sandbox",
    App.TEXT_AI: "700002:play-text-ai-of-the-sandbox",
}
"""Names of accounts in a game, not secrets: whoever reaches the sandbox may do everything there."""
NAMES: Final = {App.VIAIZER: ("viaizer_bot", "viAIzer"), App.TEXT_AI: ("text_ai_bot", "Text AI")}
ABOUT: Final = {
    App.VIAIZER: {
        "": "Talk, draw, film and read with AI. This is a sandbox: play Stars, no real Telegram.",
        "ru": "Беседы, картинки, видео и файлы с ИИ. Это песочница: игровые Stars, не Telegram.",
    },
    App.TEXT_AI: {
        "": "Better texts and posts with AI. This is a sandbox: play Stars, no real Telegram.",
        "ru": "Тексты и посты лучше с ИИ. Это песочница: игровые Stars, не Telegram.",
    },
}
TRIES: Final = 240
PAUSE_S: Final = 0.25


@dataclass(frozen=True, slots=True)
class Playground:
    """A sandbox on this machine that is about to be started on `port`."""

    port: int

    @classmethod
    def choose(cls, port: int = PORT) -> "Playground":
        """On `port` (0: any). Raises ConfigError when somebody else listens there."""
        try:
            with socket.create_server((HOST, port)) as found:
                return cls(found.getsockname()[1])
        except OSError as error:
            problem = f"cannot listen on {HOST}:{port} ({error.strerror})"
            raise ConfigError(setting="--sandbox-port", problem=problem) from error

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    @property
    def chat_url(self) -> str:
        return f"{self.url}/chat"

    @property
    def words(self) -> tuple[str, ...]:
        """The command that starts it."""
        return ("sandbox", "--port", str(self.port))

    def environment(self) -> dict[str, str]:
        """For processes that are to take it for Telegram."""
        bots = ",".join(f"{app.value}:{token}" for app, token in TOKENS.items())
        return environment(telegram_bots=bots, telegram_base_url=self.url)

    async def open(self) -> bool:
        """Give the bots their names once it answers; False when it never does."""
        async with httpx.AsyncClient(base_url=self.url, timeout=5) as http:
            for _ in range(TRIES):
                try:
                    for app, token in TOKENS.items():
                        username, first_name = NAMES[app]
                        body = {
                            "token": token,
                            "username": username,
                            "first_name": first_name,
                            "about": ABOUT[app],
                        }
                        answer = await http.post("/_sandbox/telegram/bots", json=body)
                        answer.raise_for_status()
                except httpx.HTTPError:
                    await asyncio.sleep(PAUSE_S)
                else:
                    return True
        log.warning("playground.silent", url=self.url)
        return False
