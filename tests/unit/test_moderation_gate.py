"""What the gate shows to a provider's judge, and what it does when the judge says nothing."""

from dataclasses import dataclass, field
from typing import Any, ClassVar, cast
from uuid import UUID, uuid4

import pytest

from ops.base import metrics
from schemas.catalogue import Model, catalogue
from schemas.errors import Permanent, Retryable
from schemas.payloads import AnyPayload, ImageAnalyze, TextImprove
from storage.calls import Calls
from workers.moderation.gate import Gate
from workers.providers.port import Call, Judgement, Moderate, Origin
from workers.providers.registry import Providers


@dataclass
class Judge:
    """Flags whatever holds the word `flag`; also the book that says everything is paid."""

    error: Exception | None = None
    asked: list[Moderate] = field(default_factory=list)
    blocks: list[str] = field(default_factory=list)
    judges: ClassVar[bool] = True

    @property
    def model(self) -> Model:
        row = catalogue().row("gpt-6-luna")
        assert row is not None
        return row

    @property
    def port(self) -> "Judge":
        return self

    @property
    def book(self) -> "Judge":
        return self

    def candidates(self, *_told: Any, **_more: Any) -> list[Model]:
        return [self.model]

    def moderation(self) -> "Judge":
        return self

    async def judge(self, ask: Moderate, _call: Call) -> Judgement:
        self.asked.append(ask)
        if self.error:
            raise self.error
        flagged = "flag" in ask.text or ask.picture == b"flag"
        origin = Origin("openai", "judge", "judge")
        return Judgement(flagged, ("violence",) if flagged else (), {"violence": 0.9}, origin)

    async def note_block(self, _job_id: UUID, *, class_: str, score: float, judge: str) -> None:
        self.blocks.append(f"{class_} {score} {judge}")


async def check(judge: Judge, payload: AnyPayload, picture: bytes = b"") -> None:
    async def load(_file_id: UUID) -> bytes:
        return picture

    gate = Gate(cast("Calls", judge), cast("Providers", judge))
    await gate.check(uuid4(), payload, load_picture=load)


async def test_a_picture_that_is_only_to_be_described_is_judged() -> None:
    judge = Judge()
    await check(judge, ImageAnalyze(file=uuid4()), b"calm")
    assert judge.asked == [Moderate("", b"calm")]
    with pytest.raises(Permanent, match="content_blocked"):
        await check(judge, ImageAnalyze(file=uuid4()), b"flag")
    assert judge.blocks == ["violence 0.9 judge"]


async def test_the_end_of_a_long_text_is_judged() -> None:
    judge, text = Judge(), "The sea is calm. " * 5_000
    await check(judge, TextImprove(text=text))
    assert len(judge.asked) == 3
    with pytest.raises(Permanent, match="content_blocked"):
        await check(judge, TextImprove(text=text + "flag"))


async def test_a_judge_that_says_nothing_stops_nobody_and_is_counted() -> None:
    silences = metrics.moderation_silences.labels(reason="rate_limited")
    before = silences._value.get()
    await check(Judge(Retryable("rate_limited")), TextImprove(text="flag"))
    assert silences._value.get() == before + 1
