"""Moderation before something is generated or posted. It is free, so no journal is told."""

from typing import Any, Final

import openai
from pydantic import Field

from schemas.results import Usage
from workers.providers import wire_words as words
from workers.providers.port import Call, Judgement, Moderate, Origin
from workers.providers.wire import Loose, left_s, parsed, shaped
from workers.providers.wire_deal import ask as ask_free
from workers.providers.wire_faults import Lost, refusal
from workers.providers.wire_media import SEEN_SIDE_MAX, Studio, data_url
from workers.providers.wire_sdk import answered, patience, said_in_200

MODERATION_MAX_S: Final = 20.0


class Verdict(Loose):
    flagged: bool = False
    categories: dict[str, bool | None] = Field(default_factory=dict)
    category_scores: dict[str, float | None] = Field(default_factory=dict)


class Verdicts(Loose):
    results: list[Verdict] | None = None
    error: Any = None


class OpenAiModeration:
    def __init__(self, client: openai.AsyncOpenAI, studio: Studio, *, house: str) -> None:
        self._moderations = client.moderations.with_raw_response
        self._studio = studio
        self._house = house

    async def judge(self, ask: Moderate, call: Call) -> Judgement:
        """Raises Retryable `provider_unavailable`, `rate_limited`; Permanent as every method."""
        content: Any = [{"type": "text", "text": ask.text}]
        if ask.picture is not None:
            picture = await self._studio.to_send(ask.picture, call, side_max=SEEN_SIDE_MAX)
            url = await data_url(picture)
            content = [*(content if ask.text else ()), _picture(url)]
        wait_s = left_s(call, most=MODERATION_MAX_S)
        verdict = await ask_free(lambda: self._verdict(content, call, wait_s))
        scores = {name: score or 0.0 for name, score in verdict.category_scores.items()}
        classes = [name for name, hit in verdict.categories.items() if hit]
        classes.sort(key=lambda name: -scores.get(name, 0.0))
        made_by = words.made_by(self._house, call.model.model)
        origin = Origin(
            call.model.provider, call.model.name, made_by, Usage(units=1, cost_usd_micros=0)
        )
        return Judgement(verdict.flagged, tuple(classes), scores, origin)

    async def _verdict(self, content: Any, call: Call, wait_s: float) -> Verdict:
        request = self._moderations.create(
            model=call.model.model, input=content, timeout=patience(wait_s)
        )
        raw = await answered(request, model=call.model.name, wait_s=wait_s)
        verdicts = shaped(Verdicts, await parsed(raw.content))
        if verdicts.error is not None:
            raise refusal(said_in_200(verdicts.error, dict(raw.headers)), model=call.model.name)
        if not verdicts.results:
            raise Lost("no_results")
        return verdicts.results[0]


def _picture(url: str) -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": url}}
