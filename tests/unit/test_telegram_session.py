"""What a bot's client keeps between two calls."""

import gc
import json
import weakref

from aiogram import Bot
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.methods import GetChatMemberCount

from ops.base.telegram_session import Session

ANSWER = json.dumps({"ok": True, "result": 7})
CALL = GetChatMemberCount(chat_id=1)
BOT = Bot("4242:AAE-a-bot-of-the-tests")


def reads(session: AiohttpSession) -> "weakref.ref[type]":
    """The model that it has read an answer with."""
    return weakref.ref(type(session.check_response(BOT, CALL, 200, ANSWER)))


def test_an_answer_is_read_with_a_model_that_stays() -> None:
    model = reads(Session("http://127.0.0.1:1"))
    gc.collect()
    assert model() is not None
    assert reads(Session("http://127.0.0.1:1")) == model
