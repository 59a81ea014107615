"""A chain of candidates that looks like the port of one adapter, so that a task need not know; and a
board of tasks that is asked within its provider's limits.
"""

from ops.base import clock
from workers.providers.guard.guard import Denied, Guard
from workers.providers.guard.line import LAST_LOOK_PATIENCE_S, Line
from workers.providers.journal import Parked
from workers.providers.port import (
    AnalyzeImage,
    Call,
    EditImage,
    FileAnswer,
    FileProvider,
    GenerateImage,
    GenerateText,
    GenerateVideo,
    ImageAnswer,
    ImageProvider,
    ImproveText,
    Judgement,
    Moderate,
    ModerationProvider,
    ProcessFile,
    Sighting,
    TaskBoard,
    TextAnswer,
    TextProvider,
    VideoAnswer,
    VideoProvider,
    VisionAnswer,
    VisionProvider,
)


class GuardedText:
    def __init__(self, line: Line[TextProvider]) -> None:
        self._line = line

    async def improve(self, ask: ImproveText, call: Call) -> TextAnswer:
        return await self._line.ask(call, lambda port, bound: port.improve(ask, bound))

    async def generate(self, ask: GenerateText, call: Call) -> TextAnswer:
        return await self._line.ask(call, lambda port, bound: port.generate(ask, bound))


class GuardedImage:
    def __init__(self, line: Line[ImageProvider]) -> None:
        self._line = line

    async def generate(self, ask: GenerateImage, call: Call) -> ImageAnswer:
        return await self._line.ask(call, lambda port, bound: port.generate(ask, bound))

    async def edit(self, ask: EditImage, call: Call) -> ImageAnswer:
        return await self._line.ask(call, lambda port, bound: port.edit(ask, bound))


class GuardedVision:
    def __init__(self, line: Line[VisionProvider]) -> None:
        self._line = line

    async def analyze(self, ask: AnalyzeImage, call: Call) -> VisionAnswer:
        return await self._line.ask(call, lambda port, bound: port.analyze(ask, bound))


class GuardedVideo:
    def __init__(self, line: Line[VideoProvider]) -> None:
        self._line = line

    async def generate(self, ask: GenerateVideo, call: Call) -> VideoAnswer:
        return await self._line.ask(call, lambda port, bound: port.generate(ask, bound))


class GuardedFile:
    def __init__(self, line: Line[FileProvider]) -> None:
        self._line = line

    async def process(self, ask: ProcessFile, call: Call) -> FileAnswer:
        return await self._line.ask(call, lambda port, bound: port.process(ask, bound))


class GuardedModeration:
    def __init__(self, line: Line[ModerationProvider]) -> None:
        self._line = line

    async def judge(self, ask: Moderate, call: Call) -> Judgement:
        return await self._line.ask(call, lambda port, bound: port.judge(ask, bound))


class GuardedBoard:
    """A look is a poll like any other: it counts against the limits that all processes share."""

    def __init__(self, guard: Guard, board: TaskBoard) -> None:
        self._guard = guard
        self._board = board

    async def look(self, remote_ref: str, call: Call) -> Sighting | None:
        """Raises what the board raises; Parked when its turn is too far away to wait for."""
        left_s = call.deadline_s - clock.monotonic_s()
        try:
            return await self._guard.call(
                call.model,
                lambda: self._board.look(remote_ref, call),
                left_s=left_s,
                bought=True,
                patience_s=min(LAST_LOOK_PATIENCE_S, left_s) if call.last_look else None,
            )
        except Denied as denied:
            raise Parked(denied.wait.wait_s) from denied
