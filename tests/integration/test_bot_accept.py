"""From a person's words to the card with the price, with as many at once as a bot may answer in a second."""

from statistics import quantiles

import pytest

from ops.base.clock import unix_s
from ops.sandbox.telegram import acts
from tests.integration.bots import BOT, Running, person
from tests.support import wait_until

PROMISE_S = 1.0
TELEGRAM_PER_S = 25
"""Our own limit for a bot: more people than this wait for Telegram and not for us."""


@pytest.mark.timeout(600)
async def test_the_price_is_told_at_once(bots: Running, long_form: bool) -> None:
    """From the moment Telegram has the words to the call that sends the card. Only the long form holds
    us to a second.
    """
    rounds, count = (8, TELEGRAM_PER_S) if long_form else (2, 5)
    people = [(await person(bots))[0] for _ in range(count)]
    await bots.idle()
    took_s: list[float] = []
    for number in range(rounds):
        took_s += await ask_all(bots, people, f"/image a lighthouse, number {number}")
    p50_s, p99_s = (quantiles(took_s, n=100)[place] for place in (49, 98))
    print(f"{rounds} x {count} people at once: p50 {p50_s:.3f} s, p99 {p99_s:.3f} s")
    assert p99_s < PROMISE_S or not long_form
    assert len(took_s) == len(await bots.jobs("kind = 'image.generate'")) == rounds * count


async def ask_all(bots: Running, people: list[int], words: str) -> list[float]:
    """All in one moment; how long each waited for the card."""
    world = bots.play.world
    bot = world.bots.get(BOT)
    assert bot is not None
    world.calls.clear()
    began_s = unix_s()
    for who in people:
        one = world.people.get(who)
        assert one is not None
        acts.write(world, one, world.private_chat(bot, one), words)

    def cards() -> dict[str, float]:
        calls = world.calls.shown(bot=BOT, method="sendMessage")
        return {
            call["chat_id"]: call["at"]
            for call in calls
            if call["status"] == 200 and "2 credits" in str(call["params"].get("text"))
        }

    await wait_until(lambda: len(cards()) == len(people), 60, "everybody has a card")
    return [at - began_s for at in cards().values()]
