"""Looks at what a job asks for, before anything is bought for it.

The rules are asked always; a provider's judge when there is a key for one and the work would be paid.
A judge that does not answer stops nobody and is counted: the rules have been asked, and the provider of
the work has rules of its own.
"""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from ops.base import clock, metrics
from ops.base.accounts import LOCAL
from ops.base.logs import get_logger
from schemas.catalogue import MODALITY_OF_KIND
from schemas.errors import InvalidInput, JobFault, Permanent
from schemas.payloads import (
    AnyPayload,
    ImageAnalyze,
    ImageEdit,
    ImageGenerate,
    PostPublish,
    TextGenerate,
    TextImprove,
    VideoGenerate,
)
from schemas.plans import PlanName
from storage.calls import Calls
from workers.moderation import rules
from workers.moderation.rules import Finding
from workers.providers.port import Call, Judgement, Moderate, ModerationProvider
from workers.providers.registry import Providers

log = get_logger(__name__)

BLOCKED: Final = "content_blocked"
RULES: Final = "rules"
JUDGE_MAX_S: Final = 10.0
SLICE_CHARACTERS: Final = 30_000
"""What the judge is shown at a time; a text is judged to its end."""
SLICE_OVERLAP: Final = 500
"""What stands at the border of two slices is in both."""

LoadPicture = Callable[[UUID], Awaitable[bytes]]


@dataclass(frozen=True, slots=True)
class Gate:
    """One for a process."""

    calls: Calls
    providers: Providers

    async def check(
        self,
        job_id: UUID,
        payload: AnyPayload,
        *,
        load_picture: LoadPicture,
        plan: PlanName | None = None,
    ) -> None:
        """Raises Permanent `content_blocked` (fact `reason`: the class), and what `load_picture` raises."""
        text = "\n".join(texts_of(payload))
        finding, judge = rules.look(text), RULES
        if finding is None and self.providers.judges and self._is_paid(payload, plan):
            finding, judge = await self._judged(text, payload, load_picture)
        if finding is None:
            return
        await self.calls.note_block(
            job_id, class_=finding.class_, score=min(1.0, max(0.0, finding.score)), judge=judge
        )
        metrics.moderation_blocks.labels(reason=finding.class_).inc()
        log.info("content.blocked", job_id=str(job_id), reason=finding.class_, judge=judge)
        raise Permanent(BLOCKED, reason=finding.class_)

    def _is_paid(self, payload: AnyPayload, plan: PlanName | None) -> bool:
        """Whether who is asked first costs something. False for a model that nobody answers for."""
        if isinstance(payload, PostPublish):
            return True
        modality = MODALITY_OF_KIND[payload.kind]
        try:
            rows = self.providers.book.candidates(payload.model, modality, plan=plan)
        except InvalidInput:
            return False
        return rows[0].provider != LOCAL

    async def _judged(
        self, text: str, payload: AnyPayload, load_picture: LoadPicture
    ) -> tuple[Finding | None, str]:
        chosen = self.providers.moderation()
        if chosen is None:
            return None, RULES
        file_id = _picture_of(payload)
        picture = await load_picture(file_id) if file_id is not None else None
        if picture is None and not text:
            return None, RULES
        call = Call(chosen.model, clock.monotonic_s() + JUDGE_MAX_S)
        for number, part in enumerate(slices(text)):
            ask = Moderate(part, None if number else picture)
            verdict = await self._verdict(chosen.port, ask, call)
            if verdict is not None and verdict.flagged:
                class_ = verdict.classes[0] if verdict.classes else "other"
                return Finding(class_, verdict.scores.get(class_, 1.0)), verdict.origin.model
        return None, RULES

    async def _verdict(
        self, judge: ModerationProvider, ask: Moderate, call: Call
    ) -> Judgement | None:
        """None when the judge says nothing."""
        try:
            return await judge.judge(ask, call)
        except (JobFault, TimeoutError) as error:
            code = getattr(error, "code", "timeout")
            metrics.moderation_silences.labels(reason=code).inc()
            log.warning("judge.silent", error=code)
            return None


def slices(text: str) -> tuple[str, ...]:
    """The whole text in parts that a judge takes; one, perhaps empty, for a short one."""
    step = SLICE_CHARACTERS - SLICE_OVERLAP
    starts = range(0, max(1, len(text) - SLICE_OVERLAP), step)
    return tuple(text[start : start + SLICE_CHARACTERS] for start in starts)


def texts_of(payload: AnyPayload) -> Iterable[str]:
    """What a person, or a monitor, wrote for this job."""
    match payload:
        case TextImprove() | PostPublish():
            return (payload.text,)
        case TextGenerate():
            return (payload.prompt, *(turn.text for turn in payload.history if turn.by == "user"))
        case ImageGenerate():
            return (payload.prompt,)
        case VideoGenerate():
            return (payload.prompt,) if payload.prompt else ()
        case ImageEdit():
            captions = (getattr(each, "text", None) for each in payload.operations)
            return tuple(text for text in (payload.prompt, *captions) if text)
        case _:
            return ()


def _picture_of(payload: AnyPayload) -> UUID | None:
    match payload:
        case ImageEdit() | ImageAnalyze() | VideoGenerate() | PostPublish():
            return payload.file
        case _:
            return None
