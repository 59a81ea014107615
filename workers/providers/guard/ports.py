"""A chain of candidates that looks like the port of one adapter, so that a task need not know."""

from workers.providers.guard.line import Line
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
