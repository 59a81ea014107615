"""`leyden stars`: parked payments are seen, refunds are made once, what was settled is gone from the list."""

import asyncio
import base64
import json
from pathlib import Path
from subprocess import CompletedProcess

from aiogram.types import LabeledPrice

from producers.bot.cashier import till_of
from schemas.money import App
from storage.gauges import count_parked
from storage.orders import Orders, Paid
from tests.e2e.processes import leyden
from tests.integration.bots import BOTH, Running, running
from tests.integration.edge import MASTER_KEY
from tests.integration.sandbox_telegram import Play, playing
from tests.support import wait_until

BOT = 4242


async def stars(
    play: Play, folder: Path, dsn: str, redis_url: str, *words: str
) -> CompletedProcess[str]:
    setting = {
        "LEYDEN_DATABASE_URL": dsn,
        "LEYDEN_REDIS_URL": redis_url,
        "LEYDEN_MASTER_KEY": base64.b64encode(MASTER_KEY).decode(),
        "LEYDEN_TELEGRAM_BOTS": BOTH,
        "LEYDEN_TELEGRAM_BASE_URL": play.url,
    }
    return await asyncio.to_thread(lambda: leyden(folder, "stars", *words, **setting))


async def bought(bots: Running) -> tuple[int, int, str]:
    """Telegram id, ours, and the charge of a package that was paid and credited."""
    who = int((await bots.play.do("people", stars=100))["id"])
    await bots.play.do("say", person=who, bot=BOT, text="/start")
    user_id = await wait_until(lambda: bots.desk.users.find("telegram", str(who)), 20, "an account")
    assert user_id is not None
    till = till_of(bots.room)
    order = await till.order(user_id, till.article("package", "spark"), bot_id=BOT, app=App.VIAIZER)
    link = await bots.room.bots[BOT].create_invoice_link(
        title="50 credits", description="50 credits", payload=str(order.id), currency="XTR",
        prices=[LabeledPrice(label="50 credits", amount=50)],
    )  # fmt: skip
    paid = await bots.play.do("pay", person=who, slug=link)
    assert paid["outcome"] == "paid"
    await bots.hears(who, "Thank you")
    odd = Paid(str(paid["charge_id"]), BOT, who, 7, "XTR", str(order.id))
    assert (await till.accept(odd)).outcome == "parked"
    return who, user_id, str(paid["charge_id"])


async def test_parked_shown_refunded_settled(dsn: str, redis_url: str, tmp_path: Path) -> None:
    async with playing() as play, running(play, dsn, redis_url, tmp_path) as bots:
        who, user_id, charge = await bought(bots)
        seen = await stars(play, tmp_path, dsn, redis_url, "parked", "--json")
        assert seen.returncode == 1, seen.stderr
        (row,) = json.loads(seen.stdout)
        assert (row["charge_id"], row["stars"], row["reason"]) == (charge, 7, "wrong_amount")
        assert str(who) == row["payer"]
        assert await count_parked(bots.desk.db) == 1
        shown = await stars(play, tmp_path, dsn, redis_url, "show", charge, "--json")
        assert json.loads(shown.stdout)["sale"]["state"] == "paid"
        for _ in range(2):
            done = await stars(play, tmp_path, dsn, redis_url, "refund", charge, "--json")
            assert json.loads(done.stdout)["outcome"] == "returned", done.stderr
        person = play.world.people.get(who)
        assert person is not None
        assert person.stars == 100
        spent = "select balance from audit_wallets where user_id = $1 and currency = 'CREDIT'"
        assert await bots.owner.fetchval(spent, user_id) == 600_000
        settled = await stars(
            play, tmp_path, dsn, redis_url, "settle", row["id"], "--note", "forged"
        )
        assert settled.returncode == 0, settled.stderr
        assert await Orders(bots.desk.db).parked() == []
        assert await count_parked(bots.desk.db) == 0
        empty = await stars(play, tmp_path, dsn, redis_url, "parked")
        assert empty.returncode == 0
        assert "no parked payments" in empty.stdout
        unknown = await stars(play, tmp_path, dsn, redis_url, "refund", "ch-none", "--yes")
        assert unknown.returncode == 1
        assert "Traceback" not in unknown.stderr
