"""Every call a bot made, for tests and for whoever wonders what a bot did."""

from collections import deque
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from ops.sandbox.telegram.records import Wire

KEPT: Final = 50_000
SHOWN_MAX: Final = 200


@dataclass(slots=True)
class BotCall:
    """`status` 0: it was never answered. `limit`: which flood limit it ran into. `too_early`: it came
    before the end of the pause that this bot had been told to make in this chat. `message_ids` are
    those of the messages that were made or changed, whether or not the answer got through.
    """

    number: int
    at: float
    bot: int
    method: str
    chat_id: str = ""
    params: Wire = field(default_factory=dict)
    status: int = 0
    error: str = ""
    limit: str = ""
    too_early: bool = False
    message_ids: list[int] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    applied: list[str] = field(default_factory=list)


class BotCalls:
    """The newest calls, oldest first."""

    def __init__(self) -> None:
        self._calls: deque[BotCall] = deque(maxlen=KEPT)
        self._count = 0
        self._pauses: dict[tuple[int, str], float] = {}

    def add(self, *, at: float, bot: int, method: str, params: Wire) -> BotCall:
        self._count += 1
        chat_id = str(params.get("chat_id", ""))
        shown = {name: _short(value) for name, value in params.items()}
        call = BotCall(self._count, at, bot, method, chat_id, shown)
        self._calls.append(call)
        return call

    def pause(self, call: BotCall, until: float) -> None:
        self._pauses[call.bot, call.chat_id] = until

    def is_too_early(self, call: BotCall) -> bool:
        return call.at < self._pauses.get((call.bot, call.chat_id), 0.0)

    def shown(
        self, *, bot: int | None = None, method: str = "", chat_id: str = "", after: int = 0
    ) -> list[dict[str, Any]]:
        return [
            asdict(call)
            for call in self._calls
            if call.number > after
            and bot in (None, call.bot)
            and (not method or method.lower() == call.method.lower())
            and (not chat_id or chat_id == call.chat_id)
        ]

    def clear(self) -> None:
        self._calls.clear()
        self._pauses.clear()


def _short(value: Any) -> Any:
    return value[:SHOWN_MAX] if isinstance(value, str) else value
