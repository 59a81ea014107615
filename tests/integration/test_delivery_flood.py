"""Many answers at once, with Telegram's limits enforced: none is exceeded, every answer arrives."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID

import pytest
import pytest_asyncio

from tests.integration.sandbox_telegram import playing
from tests.postbox import Person, Postbox, words
from tests.ring import Ring


@pytest_asyncio.fixture
async def box(dsn: str, redis_url: str, tmp_path: Path) -> AsyncIterator[Postbox]:
    ring = await Ring.open(dsn, redis_url, tmp_path, lease_s=30.0)  # no crowd makes it end
    async with playing() as play:
        yield Postbox(ring, play)
    await ring.close()


async def prepare(
    box: Postbox, chats: int, in_groups: int
) -> tuple[list[Person], list[int], list[UUID]]:
    """People with a card each, and two groups; all their jobs have ended."""
    await box.play.put("limits", {"enabled": False})
    gate = asyncio.Semaphore(8)

    async def one(number: int) -> tuple[Person, UUID]:
        async with gate:
            person = await box.person()
            return person, await box.ended(person, words(f"answer {number}"), card=True)

    pairs = await asyncio.gather(*(one(number) for number in range(chats)))
    people, jobs = [p for p, _ in pairs], [j for _, j in pairs]
    owner, groups = people[0], []
    for title in ("A", "B"):
        group = await box.play.do("chats", type="group", title=title, owner=owner.chat_id)
        await box.play.do("members", chat=group["id"], account=4242, status="member")
        groups.append(group["id"])
    for number in range(in_groups):
        chat_id = groups[number % 2]
        jobs.append(await box.ended(owner, words(f"group answer {number}"), chat_id=chat_id))
    await box.play.put("limits", {})
    await box.play.http.delete("/_sandbox/telegram/calls")
    return people, groups, jobs


@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    ("chats", "in_groups"), [(50, 10), pytest.param(500, 40, marks=pytest.mark.slow)]
)
async def test_no_limit_is_exceeded_and_every_answer_arrives(
    box: Postbox, chats: int, in_groups: int
) -> None:
    people, groups, jobs = await prepare(box, chats, in_groups)
    faults = [
        {
            "match": {"method": "*"},
            "fault": "rate_limited=3",
            "times": 5,
            "probability": 0.05,
            "seed": 1,
        },
        {"match": {"method": "sendMessage"}, "fault": "reply_lost", "times": 3},
    ]
    await box.play.put("faults", faults)
    async with box.office(), box.office():
        await box.wait_all(120 + chats / 3)
    calls = await box.calls()
    assert [call for call in calls if call["limit"]] == []
    assert await box.too_early() == []
    floods = [call["status"] for call in calls if "rate_limited" in call["applied"]]
    assert len(floods) == 5
    assert set(floods) <= {429, 0}, "refused, or refused and the reply lost"
    rows = await box.ring.owner.fetch("select state::text, doubtful from work.delivery")
    assert Counter(row["state"] for row in rows) == {"sent": len(jobs)}
    for number, person in enumerate(people):
        (message,) = await box.messages(person.chat_id)
        assert message["text"].startswith(f"answer {number}\n")
    shown = [await box.messages(group) for group in groups]
    duplicates = sum(map(len, shown)) - in_groups
    assert duplicates <= sum(row["doubtful"] for row in rows) <= 3
    texts = {message["text"].split("\n")[0] for messages in shown for message in messages}
    assert texts == {f"group answer {number}" for number in range(in_groups)}
    assert await box.ring.count("attempt > 1") == 0
