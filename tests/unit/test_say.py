"""What the bots say, when Telegram's answer is not what they know."""

from dataclasses import replace

import pytest
from aiogram import Bot
from aiogram.client.session.base import BaseSession
from aiogram.exceptions import ClientDecodeError

from producers.bot.guest import Guest
from producers.bot.say import Say
from schemas.errors import Unavailable
from schemas.money import App


class Answering(BaseSession):
    """Each call is answered with this."""

    def __init__(self, status: int, body: str) -> None:
        super().__init__()
        self.status, self.body, self.calls = status, body, 0

    async def make_request(self, bot, method, timeout=None):  # type: ignore[no-untyped-def]
        self.calls += 1
        return self.check_response(bot, method, self.status, self.body).result

    async def stream_content(self, *_args, **_more):  # type: ignore[no-untyped-def]
        raise NotImplementedError
        yield b""

    async def close(self) -> None:
        pass


class Free:
    async def take(self, *_args: object, **_more: object) -> float:
        return 0.0


GUEST = Guest(
    user_id=1, telegram_id=2, language="en", time_zone="UTC", app=App.VIAIZER, bot="viaizer",
    bot_id=4242, features=frozenset({App.VIAIZER}), chat_id=2, private=True, key="tg-1",
)  # fmt: skip


@pytest.mark.parametrize(
    ("status", "body", "raised"),
    [
        (502, "<html>Bad Gateway</html>", Unavailable),
        (200, '{"ok": true, "result": {"message_id": "of a kind that is new"}}', ClientDecodeError),
    ],
)
async def test_what_was_said_and_cannot_be_read_is_not_said_without_end(
    status: int, body: str, raised: type[Exception]
) -> None:
    """The first is waited out without counting; the second is a failed try of its update."""
    session = Answering(status, body)
    say = Say({4242: Bot("4242:AAE-a-token-of-the-tests", session=session)}, Free())  # type: ignore[arg-type]
    with pytest.raises(raised):
        await say.send(replace(GUEST), "hello")
    assert session.calls == 1
