"""Tapped buttons: which handler one belongs to, and how one is made whose label is not its action's."""

from typing import Any
from uuid import UUID

from aiogram.filters import Filter
from aiogram.types import CallbackQuery

from schemas.buttons import Press, pack, ref_of, unpack
from schemas.errors import InvalidInput

Told = dict[str, Any]


class Pressed(Filter):
    """Taps with one of these actions; the handler gets the `press`."""

    def __init__(self, *actions: str) -> None:
        self._actions = frozenset(actions)

    async def __call__(  # type: ignore[mutable-override]  # aiogram's own shape of a filter
        self, callback: CallbackQuery
    ) -> bool | Told:
        try:
            press = unpack(callback.data or "")
        except InvalidInput:
            return False
        return {"press": press} if press.action in self._actions else False


def button(text: str, action: str, ref: UUID | str = "", arg: str = "") -> tuple[str, str]:
    """A button's text and data."""
    return text, pack(Press(action, ref_of(ref) if isinstance(ref, UUID) else ref, arg))
