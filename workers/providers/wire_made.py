"""After a purchase: look at what came, write down what it was worth, and dress it for the port."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from schemas.errors import Permanent
from schemas.results import Usage
from workers.providers import wire_words as words
from workers.providers.port import Call, ImageAnswer, Made, Origin, VideoAnswer
from workers.providers.wire_media import Size, Studio


@dataclass(frozen=True, slots=True)
class Bought:
    """The files as they came, and what the provider counted for them."""

    files: tuple[bytes, ...]
    usage: Usage


class Counter:
    """Where bought files are opened. `house`: the provider's name for a person."""

    def __init__(self, studio: Studio, *, house: str) -> None:
        self._studio = studio
        self._house = house

    async def pictures(
        self, bought: Bought, call: Call, *, size: Size | None, prompt: str
    ) -> ImageAnswer:
        """Pictures at `size`. Raises Permanent `bad_result`."""
        made_by = words.made_by(self._house, call.model.model)

        async def look(data: bytes) -> Made:
            return await self._studio.picture(data, call, size=size, made_by=made_by)

        made = await self._opened(bought, call, look)
        return ImageAnswer(made, self._origin(bought, call), prompt_used=prompt)

    async def films(self, bought: Bought, call: Call) -> VideoAnswer:
        """Raises Permanent `bad_result`."""

        async def look(data: bytes) -> Made:
            return await self._studio.film(data, call)

        made = await self._opened(bought, call, look)
        return VideoAnswer(made, self._origin(bought, call))

    async def _opened(
        self, bought: Bought, call: Call, look: Callable[[bytes], Awaitable[Made]]
    ) -> tuple[Made, ...]:
        """Only what has opened was worth its money; the journal is told either way."""
        cost = bought.usage.cost_usd_micros
        try:
            made = tuple([await look(data) for data in bought.files])
        except Permanent as error:
            await call.journal.paid(error.code, cost_usd_micros=cost)
            raise
        await call.journal.paid("ok", cost_usd_micros=cost)
        return made

    def _origin(self, bought: Bought, call: Call) -> Origin:
        made_by = words.made_by(self._house, call.model.model)
        return Origin(call.model.provider, call.model.name, made_by, bought.usage)
