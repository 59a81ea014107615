"""Settings, the daily summary, a copy of everything, and the end of it."""

import io
import json
import zipfile
from typing import Any
from uuid import UUID

import pytest

from ledger.exchange import Exchange
from ledger.subscriptions import Subscriptions
from producers.bot import archive, privacy, summaries, upkeep
from producers.bot.cashier import till_of
from schemas.errors import Insufficient, InvalidInput, Missing
from schemas.ids import derive_id
from schemas.money import App, Currency
from schemas.plans import PlanName
from storage import copies
from storage.jobs import Jobs
from storage.orders import Paid
from storage.preferences import Preference, Preferences, Turns
from tests.integration.bots import Running, labels_of, person, quiet, say, text_of
from tests.integration.edge import a_wish, finish_text, started
from tests.integration.sandbox_telegram import picture
from tests.support import wait_until

BOT = 4242
OWNED = """
select table_name from information_schema.columns
 where table_schema = 'app' and column_name = 'user_id'
   and table_name not in ('star_order', 'star_payment', 'workspace')
"""


async def press(bots: Running, who: int, message: dict[str, Any], label: str) -> dict[str, Any]:
    """Press, and the same message as it is then."""
    found = next(one for one in labels_of(message) if label in one)
    await bots.play.do(
        "press", person=who, bot=BOT, message_id=message["message_id"], label=found, wait=True
    )
    now = [one for one in await bots.said(who) if one["message_id"] == message["message_id"]]
    return now[0] if now else message


async def test_a_language_is_chosen_and_spoken(bots: Running) -> None:
    who, user_id = await person(bots)
    await say(bots, who, "/language")
    await press(bots, who, await bots.hears(who, "Which language"), "Русский")
    assert (await bots.desk.users.get(user_id)).language == "ru"
    await say(bots, who, "/settings")
    assert "Язык: Русский" in text_of(await bots.hears(who, "Настройки"))


async def test_every_choice_is_kept_and_shown(bots: Running) -> None:
    who, user_id = await person(bots)
    await say(bots, who, "/settings")
    page = await bots.hears(who, "Settings")
    page = await press(bots, who, page, "Style")
    page = await press(bots, who, page, "formal")
    assert "✓ formal" in labels_of(page)
    page = await press(bots, who, page, "Back")
    page = await press(bots, who, page, "Ask first")
    page = await press(bots, who, page, "never")
    page = await press(bots, who, page, "Back")
    page = await press(bots, who, page, "Summary")
    assert "Daily summary: on" in text_of(page)
    page = await press(bots, who, page, "Models")
    page = await press(bots, who, page, "Texts")
    names = [one for one in labels_of(page) if "✓" not in one and one != "Back"]
    page = await press(bots, who, page, names[0])
    assert f"✓ {names[0]}" in labels_of(page)
    kept = await bots.room.preferences.of(user_id)
    assert (kept.style, kept.confirm_above_units, kept.daily_summary) == ("formal", None, True)
    assert kept.bot == "viaizer"
    assert set(kept.models) == {"text"}


async def test_a_zone_that_nobody_knows_is_refused(bots: Running) -> None:
    _, user_id = await person(bots)
    for zone in ("Mars/Olympus", "../etc/passwd", "", "Europe"):
        with pytest.raises(InvalidInput):
            await bots.desk.users.set_zone(user_id, zone)
    await bots.desk.users.set_zone(user_id, "Europe/Moscow")
    assert (await bots.desk.users.get(user_id)).time_zone == "Europe/Moscow"
    with pytest.raises(InvalidInput):
        await bots.desk.users.set_language(user_id, "tlh")


async def test_preferences_merge_and_know_their_names(bots: Running) -> None:
    _, user_id = await person(bots)
    await bots.idle()
    preferences = Preferences(bots.desk.db)
    await preferences.change(user_id, style="concise")
    await preferences.change(user_id, toured=True, ai_notice=True)
    assert await preferences.of(user_id) == Preference(style="concise", toured=True, ai_notice=True)
    with pytest.raises(InvalidInput):
        await preferences.change(user_id, colour="red")


async def test_a_turn_is_taken_by_one(bots: Running) -> None:
    turns = Turns(bots.desk.db)
    assert [await turns.take("once", every_s=600) for _ in range(3)] == [True, False, False]
    assert await turns.take("often", every_s=0)
    assert await turns.take("often", every_s=0)


async def test_one_kind_of_upkeep_that_fails_stops_no_other(bots: Running) -> None:
    who, user_id = await person(bots)
    await bots.idle()
    await privacy.begin(bots.room, user_id)
    await bots.play.put("faults", [{"match": {"method": "getStar*"}, "fault": "server_error"}])
    await bots.owner.execute("update app.turn set next_at = clock_timestamp() - interval '1 s'")
    await upkeep.mind(bots.room)
    assert (await bots.desk.users.get(user_id)).status == "erased"
    taken = await bots.owner.fetch("select name from app.turn where next_at > clock_timestamp()")
    assert {row["name"] for row in taken} == {
        "stars:4242", "stars:4343", "refunds", "renewals", "erasing", "summaries", "forgetting",
            "promises", "appeals", "support",
    }  # fmt: skip
    assert who


async def test_a_summary_comes_once_a_day(bots: Running) -> None:
    who, user_id = await person(bots)
    await bots.idle()
    ended = await finish_text(bots.desk, (await bots.desk.intake.submit(a_wish(user_id))).job_id)
    assert ended.code == "ok"
    yesterday = "update work.usage set at = at - interval '1 day' where user_id = $1"
    await bots.owner.execute(yesterday, user_id)
    await bots.room.preferences.change(user_id, daily_summary=True, bot="viaizer")
    claimed = await bots.room.preferences.claim_summaries(hour=0, limit=10)
    assert [one[0] for one in claimed] == [user_id]
    assert await bots.room.preferences.claim_summaries(hour=0, limit=10) == []
    await bots.owner.execute("update app.preference set summary_on = null")
    quiet = await bots.room.preferences.claim_summaries(hour=24, limit=10)
    assert quiet == []
    told = await summaries._tell(bots.room, user_id, _midnight(claimed[0][1]))
    assert told
    assert "Done: 1" in text_of(await bots.hears(who, "Your day"))


def _midnight(day: Any) -> Any:
    from datetime import datetime, time

    return datetime.combine(day, time())


async def test_an_export_holds_everything(bots: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    """In parts as small as they come: each is whole, and nothing is lost between them."""
    monkeypatch.setattr(archive, "PART_MAX_BYTES", 3_000)
    monkeypatch.setattr(archive, "LIST_MAX_BYTES", 400)
    monkeypatch.setattr(copies, "PAGE", 1)
    who, user_id = await person(bots)
    accepted = await bots.desk.intake.submit(a_wish(user_id, "helo", app=App.PENORA))
    ended = await finish_text(bots.desk, accepted.job_id, text="Hello, all of it.")
    await say(bots, who, "My cat is called Mila.")
    (first,) = await bots.wait_jobs(1, "kind = 'text.generate'")
    await finish_text(bots.desk, first["id"], "What a name!")
    await say(bots, who, "/new")
    await bots.hears(who, "I do not look back")
    form = {"person": str(who), "bot": str(BOT)}
    files: list[Any] = [("files", ("a.png", picture(64, 64), "image/png"))]
    await bots.play.http.post("/_sandbox/telegram/send", data=form, files=files)
    await bots.hears(who, "What shall I do with this picture?")
    await say(bots, who, "/paysupport Where are my Stars?")
    await bots.hears(who, "a person of us reads this")
    till = till_of(bots.room)
    spark = till.article("package", "spark")
    order = await till.order(user_id, spark, bot_id=BOT, app=App.VIAIZER)
    await till.accept(Paid("ch-1", BOT, who, spark.stars, "XTR", str(order.id)))
    await say(bots, who, "/export")
    await bots.hears(who, "Everything we hold")
    await quiet(bots)
    held = await _exported(bots, who)
    names = set(held)
    assert {"READ-ME.txt", "account.json", "statement.csv", "jobs.json", "jobs-2.json"} < names
    assert held[f"projects/{ended.project_code}.txt"] == b"Hello, all of it."
    jobs = _lists(held, "jobs")
    assert {one["id"] for one in jobs} == {str(accepted.job_id), str(first["id"])}
    assert {one["payload"].get("text") or one["payload"]["prompt"] for one in jobs} == {
        "helo", "My cat is called Mila.",
    }  # fmt: skip
    (turn,) = _lists(held, "conversation")
    assert (turn["said"], turn["answered"]) == ("My cat is called Mila.", "What a name!")
    (sent,) = _lists(held, "files")
    _, data = await bots.desk.files.load(user_id, UUID(sent["id"]))
    (name,) = [one for one in names if one.startswith(f"files/{sent['id']}.")]
    assert held[name] == data
    (wish,) = _lists(held, "wishes")
    assert wish["input"]["input"] == {"files": [sent["id"]]}
    assert [one["charge_id"] for one in _lists(held, "payments")] == ["ch-1"]
    assert [one["name"] for one in _lists(held, "orders")] == ["spark"]
    account = json.loads(held["account.json"])
    assert account["wallets"]["CREDIT"] == "109"
    assert [one["words"] for one in account["questions about payments"]] == ["Where are my Stars?"]


async def _exported(bots: Running, who: int) -> dict[str, bytes]:
    """Every file of every part; none of them twice."""
    held: dict[str, bytes] = {}
    parts = [one["document"] for one in await bots.said(who) if one.get("document")]
    assert len(parts) > 1
    for document in parts:
        sent = await bots.room.bots[BOT].download(document["file_id"])
        assert sent is not None
        with zipfile.ZipFile(io.BytesIO(sent.read())) as part:
            assert part.testzip() is None
            for name in part.namelist():
                assert name not in held
                held[name] = part.read(name)
    return held


def _lists(held: dict[str, bytes], name: str) -> list[dict[str, Any]]:
    """What is in `jobs.json`, `jobs-2.json` and so on."""
    found = [one for one in held if one.split(".")[0].split("-")[0] == name and "/" not in one]
    return [row for one in found for row in json.loads(held[one])]


async def test_deleting_asks_twice_and_leaves_nothing_that_names_the_person(bots: Running) -> None:
    who, user_id = await person(bots)
    await bots.idle()
    accepted = await bots.desk.intake.submit(a_wish(user_id))
    await finish_text(bots.desk, accepted.job_id)
    await bots.desk.intake.submit(a_wish(user_id, "still waiting"))
    exchange = Exchange(bots.desk.db)
    offer = await exchange.offer(Currency.CREDIT, Currency.BATT, units=100_000)
    await exchange.convert(derive_id("t", user_id), user_id=user_id, offer=offer)
    await Subscriptions(bots.desk.db).pay("a", user_id=user_id, plan=PlanName.PRO, stars=500)
    await say(bots, who, "/delete_me")
    asked = await bots.hears(who, "Erase everything?")
    for lost in ("49 credits", "Text AI batteries", "the plan PRO until"):
        assert lost in text_of(asked), "what would be lost is named"
    asked = await press(bots, who, asked, "Erase everything")
    assert (await bots.desk.users.get(user_id)).status == "active"
    gone = {"match": {"chat_id": str(who)}, "fault": "blocked", "times": 1}
    await bots.play.put("faults", [gone])  # in that very moment; it is meant all the same
    await press(bots, who, asked, "Yes, erase me")

    async def begun() -> bool:
        return (await bots.desk.users.get(user_id)).status != "active"

    await wait_until(begun, 20, "the erasing has begun")
    await bots.idle()
    await privacy.finish_all(bots.room)
    assert (await bots.desk.users.get(user_id)).status == "erased"
    for row in await bots.owner.fetch(OWNED):
        left = f"select count(*) from app.{row['table_name']} where user_id = $1"
        assert await bots.owner.fetchval(left, user_id) == 0, row["table_name"]
    jobs = await bots.jobs(f"user_id = {user_id}")
    assert {job["state"] for job in jobs} == {"succeeded", "cancelled"}
    assert all(job["payload"] is None and job["result"] is None for job in jobs)
    assert {job["reply"] for job in jobs} == {"pull"}
    bots.desk.keys.forget(user_id)
    with pytest.raises(Missing):
        await bots.desk.keys.of(user_id)
    assert await bots.owner.fetchval("select count(*) from app.inbox where who = $1", who) == 0
    assert await bots.owner.fetch("select * from ledger.violations") == []
    assert await bots.owner.fetch("select * from work.violations") == []


async def test_erasing_waits_for_what_runs_and_charges_nothing_for_it(bots: Running) -> None:
    _, user_id = await person(bots)
    await bots.idle()
    job_id = (await bots.desk.intake.submit(a_wish(user_id))).job_id
    running_job = await started(bots.desk, job_id)
    bought = "update work.job set intent_at = clock_timestamp() where id = $1"
    await bots.owner.execute(bought, job_id)
    await privacy.begin(bots.room, user_id)
    assert await privacy.finish_all(bots.room) == 0
    assert (await bots.desk.users.get(user_id)).status == "erasing"
    with pytest.raises(Exception, match="closed"):
        await bots.desk.intake.submit(a_wish(user_id, "one more"))
    await Jobs(bots.desk.db).fail(running_job.job_id, running_job.attempt, "cancelled")
    await privacy.finish_all(bots.room)
    assert (await bots.desk.users.get(user_id)).status == "erased"
    assert await bots.owner.fetch("select * from ledger.violations") == []


async def test_who_was_erased_and_comes_back_gets_no_gifts_again(bots: Running) -> None:
    who, user_id = await person(bots)
    await bots.idle()
    await bots.desk.intake.submit(a_wish(user_id, app=App.TEXT_AI))
    await privacy.begin(bots.room, user_id)
    await privacy.finish_all(bots.room)
    assert (await bots.desk.users.get(user_id)).status == "erased"
    marks = await bots.owner.fetch("select mark from app.left_mark")
    assert len(marks) == 1
    assert str(who).encode() not in bytes(marks[0]["mark"])

    await say(bots, who, "/start")
    await bots.hears(who, "You have 0 credits")
    await bots.idle()
    again = await bots.desk.users.find("telegram", str(who))
    assert again is not None
    assert again != user_id
    assert await bots.desk.users.has_returned(again)
    for app in (App.TEXT_AI, App.VIAIZER):
        with pytest.raises(Insufficient):
            await bots.desk.intake.submit(a_wish(again, app=app))
    given = "select coalesce(sum(balance), 0) from audit_wallets where user_id = $1"
    assert await bots.owner.fetchval(given, again) == 0
    _, other = await person(bots)
    assert await bots.owner.fetchval(given, other) == 600_000, "others are newcomers"
