"""What the buttons under a result would cost, each for what it would ask for: told before the tap.

A button asks for what `producers.bot` makes of it when it is tapped; the price of that moment is the one
that counts, and it differs only where the tariff or the person's choice of models has changed since.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from pydantic import ValidationError

from ledger.pricing import Pricing
from schemas.buttons import AGAIN, ANIMATE, EDIT, UPSCALE, VARY
from schemas.catalogue import MODALITY_OF_KIND
from schemas.errors import InvalidInput
from schemas.jobs import Kind
from schemas.payloads import parse_payload
from schemas.results import TextGenerated, TextImproved
from storage.preferences import Preference, Preferences
from storage.results import JobView

ANY_FILE: Final = str(UUID(int=0))
PICTURES: Final = frozenset({Kind.IMAGE_GENERATE, Kind.IMAGE_EDIT})
_LARGER: Final = {"file": ANY_FILE, "operations": [{"op": "upscale"}]}


@dataclass(frozen=True, slots=True)
class Prices:
    """One for a process."""

    pricing: Pricing
    preferences: Preferences

    async def of(self, user_id: int, view: JobView) -> dict[str, int]:
        """Action -> units. Raises Unavailable."""
        found = {AGAIN: view.price_units, VARY: view.price_units}
        asked = list(_asked(view))
        if asked:
            chosen = await self.preferences.of(user_id)
            for action, kind, told in asked:
                units = self._units(kind, told, chosen)
                if units is not None:
                    found[action] = units
        return found

    def _units(self, kind: Kind, told: dict[str, Any], chosen: Preference) -> int | None:
        """None for what cannot be asked for now: a longer text, a model that is gone."""
        model = chosen.models.get(str(MODALITY_OF_KIND[kind]))
        try:
            payload = parse_payload(kind, {**told, "model": model} if model else told)
            return self.pricing.quote(payload).price_units
        except (ValidationError, InvalidInput):
            return None


def _asked(view: JobView) -> Iterator[tuple[str, Kind, dict[str, Any]]]:
    """What would be asked for, button by button."""
    if view.kind in PICTURES:
        yield UPSCALE, Kind.IMAGE_EDIT, _LARGER
        yield EDIT, Kind.IMAGE_EDIT, _LARGER
        yield ANIMATE, Kind.VIDEO_GENERATE, {"file": ANY_FILE}
    elif isinstance(view.result, TextGenerated | TextImproved):
        yield EDIT, Kind.TEXT_IMPROVE, {"text": view.result.text}
