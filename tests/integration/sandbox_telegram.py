"""The sandbox's Telegram on a socket of its own, and a small bot that talks to it by aiogram."""

import asyncio
import io
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from aiogram import Bot, Dispatcher, F
from aiogram.filters import Command, CommandStart
from aiogram.types import (
    BotCommand,
    BufferedInputFile,
    CallbackQuery,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    LabeledPrice,
    Message,
    PreCheckoutQuery,
)
from fastapi import FastAPI
from PIL import Image

from ops.base.nursery import Nursery
from ops.base.telegram_session import Session
from ops.sandbox.line import Line
from ops.sandbox.server import KEEP_ALIVE_S
from ops.sandbox.telegram import TelegramWorld, control, telegram_router
from ops.sandbox.visits import Doors
from tests.support import wait_until

TOKEN = "4242:AAE-a-bot-of-the-tests"
BOT_ID = 4242


@dataclass(slots=True)
class Play:
    """A running sandbox: its address, what it remembers, and a client for its control paths."""

    url: str
    world: TelegramWorld
    http: httpx.AsyncClient

    async def do(self, path: str, **body: Any) -> Any:
        """POST to a control path; the answer. Fails the test when it is refused."""
        answer = await self.http.post(f"/_sandbox/telegram/{path}", json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def put(self, path: str, body: Any) -> Any:
        answer = await self.http.put(f"/_sandbox/telegram/{path}", json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def messages(self, **which: Any) -> list[dict[str, Any]]:
        """What the control path of this name answers, without the way over a socket: a test that waits asks
        it a hundred times.
        """
        return copied(await control.messages(self.world, **which))

    async def calls(self, **which: Any) -> list[dict[str, Any]]:
        """Of bots, to methods of the Bot API; the same way."""
        return copied(await control.calls(self.world, **which))

    async def call(self, name: str, token: str = TOKEN, **params: Any) -> Any:
        """A method of the Bot API without a library: the whole body of the answer."""
        answer = await self.http.post(f"/bot{token}/{name}", json=params)
        return answer.json()

    def bot(self, token: str = TOKEN) -> Bot:
        return Bot(token, session=Session(self.url))

    async def ann(self, token: str = TOKEN, **facts: Any) -> int:
        """A person who has begun a chat with the bot; the update of that is dropped."""
        await self.call("getMe", token)
        person = await self.do("people", **facts)
        bot_id = int(token.partition(":")[0])
        await self.do("say", person=person["id"], bot=bot_id, text="/start")
        self.world.updates.forget(bot_id)
        return int(person["id"])


def copied(told: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """As it would have come over the socket: whoever has it does not see it change."""
    found: list[dict[str, Any]] = json.loads(json.dumps(told))
    return found


@cache
def served() -> FastAPI:
    """The routes, for all worlds: reading them takes longer than most tests."""
    app = FastAPI()
    app.include_router(telegram_router)
    return app


@asynccontextmanager
async def playing(folder: Path | None = None) -> AsyncIterator[Play]:
    """Serve until the block ends; with a folder what happens is there for the next one."""
    nursery = Nursery("sandbox")
    world = TelegramWorld(nursery, folder=folder)
    config = uvicorn.Config(
        Doors(served(), lambda _path: world),
        port=0,
        http=Line,
        log_config=None,
        timeout_graceful_shutdown=1,
        timeout_keep_alive=KEEP_ALIVE_S,
        lifespan="off",
    )
    server = uvicorn.Server(config)
    async with nursery:
        task = nursery.start_task(server.serve(), name="server")
        await wait_until(lambda: server.started or task.done(), 10, "the server is up")
        port = server.servers[0].sockets[0].getsockname()[1]
        url = f"http://127.0.0.1:{port}"
        world.resume()
        async with httpx.AsyncClient(base_url=url, timeout=30) as http:
            yield Play(url, world, http)
        server.should_exit = server.force_exit = True  # whoever asks for updates is not waited for
        await asyncio.wait({task}, timeout=5)
        await world.close()


def picture(width: int = 640, height: int = 480, kind: str = "PNG") -> bytes:
    """A picture with something in it."""
    image = Image.linear_gradient("L").resize((width, height)).convert("RGB")
    out = io.BytesIO()
    image.save(out, kind)
    return out.getvalue()


def echo_bot() -> Dispatcher:
    """Echoes texts with buttons, sends photos back, sells 100 credits for 50 Stars."""
    dp = Dispatcher()
    dp.message.register(_start, CommandStart())
    dp.message.register(_buy, Command("buy"))
    dp.message.register(_picture, Command("picture"))
    dp.message.register(_stream, Command("stream"))
    dp.message.register(_paid, F.successful_payment)
    dp.message.register(_photo, F.photo)
    dp.message.register(_echo, F.text)
    dp.callback_query.register(_press)
    dp.pre_checkout_query.register(_checkout)
    return dp


KEYS = InlineKeyboardMarkup(
    inline_keyboard=[
        [
            InlineKeyboardButton(text="Louder · 1 credit", callback_data="louder"),
            InlineKeyboardButton(text="Quieter", callback_data="quieter"),
        ],
        [InlineKeyboardButton(text="What is this?", callback_data="about")],
    ]
)


async def _start(message: Message, bot: Bot) -> None:
    await bot.set_my_commands(
        [
            BotCommand(command="start", description="Begin"),
            BotCommand(command="picture", description="Paint something"),
            BotCommand(command="stream", description="Write slowly"),
            BotCommand(command="buy", description="Buy credits"),
        ]
    )
    name = message.from_user.first_name if message.from_user else ""
    await message.answer(
        f"<b>Hello, {name}!</b>\nI am an <i>echo</i>. Send me a text, a photo, or /buy.\n"
        "<blockquote>Everything here is play.</blockquote><code>echo --help</code>",
        parse_mode="HTML",
    )


async def _echo(message: Message) -> None:
    await message.reply(f"You said: {message.text}", reply_markup=KEYS)


async def _photo(message: Message) -> None:
    assert message.photo
    await message.reply_photo(message.photo[-1].file_id, caption=f"Seen: {message.caption}")


async def _picture(message: Message) -> None:
    await message.answer_photo(BufferedInputFile(picture(), "a.png"), caption="A picture")


async def _stream(message: Message, bot: Bot) -> None:
    for count in (1, 2):
        text = "word " * count * 3
        await bot.send_message_draft(message.chat.id, 7, text=text, can_stop=True)
    await message.answer("word " * 9)


async def _buy(message: Message) -> None:
    await message.answer_invoice(
        title="100 credits", description="Enough for a hundred pages of text.", payload="pack:100",
        currency="XTR", prices=[LabeledPrice(label="100 credits", amount=50)],
    )  # fmt: skip


async def _checkout(query: PreCheckoutQuery) -> None:
    await query.answer(ok=True)


async def _paid(message: Message) -> None:
    assert message.successful_payment
    await message.answer(f"Paid {message.successful_payment.total_amount} Stars. Thank you!")


async def _press(query: CallbackQuery) -> None:
    if query.data == "about":
        await query.answer("An echo with buttons", show_alert=True)
        return
    await query.answer("As you wish")
    if isinstance(query.message, Message) and query.message.text:
        text = query.message.text
        louder = text.upper() if query.data == "louder" else text.lower()
        if louder != text:
            await query.message.edit_text(louder, reply_markup=KEYS)


@asynccontextmanager
async def polling(play: Play, token: str = TOKEN) -> AsyncIterator[Bot]:
    """The echo bot on long polling until the block ends."""
    bot, dispatcher = play.bot(token), echo_bot()
    nursery = Nursery("tests")
    async with nursery:
        run = dispatcher.start_polling(bot, handle_signals=False, polling_timeout=5)
        task = nursery.start_task(run, name="polling")
        try:
            yield bot
        finally:
            with suppress(RuntimeError):  # it has not begun yet
                await dispatcher.stop_polling()
            task.cancel()
            await asyncio.wait({task}, timeout=10)
            await bot.session.close()
