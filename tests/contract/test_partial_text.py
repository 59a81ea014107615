"""Who listens hears a text of the local provider grow, and in the end all of it."""

from itertools import pairwise

import pytest

from ops.base.clock import monotonic_s
from schemas.catalogue import catalogue
from workers.providers.local.adapter import build
from workers.providers.port import Call, GenerateText, ImproveText, TextAnswer, Tools

LONG = "This is the frist paragraph.\n\nThis is the secnd one.\n\nAnd a third."


@pytest.mark.parametrize("ask", [ImproveText(LONG, "correct"), GenerateText("lighthouses", 3_600)])
async def test_a_text_is_heard_as_it_grows(tools: Tools, ask: ImproveText | GenerateText) -> None:
    heard: list[str] = []
    model = next(
        row for row in catalogue().models if row.serves("text") and row.provider == "local"
    )
    call = Call(model, monotonic_s() + 60, on_text=heard.append)
    port = build(tools).text
    assert port is not None
    answer: TextAnswer
    if isinstance(ask, ImproveText):
        answer = await port.improve(ask, call)
    else:
        answer = await port.generate(ask, call)
    assert heard[-1] == answer.text
    assert len(heard) > 1
    assert all(later.startswith(sooner) for sooner, later in pairwise(heard))
