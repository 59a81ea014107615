"""Which task runs which kind. `post.publish` is not here: it is a delivery, not a generation."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

from schemas.catalogue import MODALITY_OF_KIND, Modality
from schemas.jobs import Kind
from schemas.results import AnyResult
from workers.tasks import file, image, text, video
from workers.tasks.context import TaskContext

Run = Callable[[Any, TaskContext], Awaitable[AnyResult]]


@dataclass(frozen=True, slots=True)
class Task:
    """`run(payload, ctx)` for payloads of `kind` in one of `versions`."""

    kind: Kind
    run: Run
    versions: frozenset[int] = frozenset({1})

    @property
    def modality(self) -> Modality:
        return MODALITY_OF_KIND[self.kind]


TASKS: Final[dict[Kind, Task]] = {
    task.kind: task
    for task in (
        Task(Kind.TEXT_IMPROVE, text.improve, frozenset({1, 2, 3})),
        Task(Kind.TEXT_GENERATE, text.generate, frozenset({1, 2})),
        Task(Kind.IMAGE_GENERATE, image.generate),
        Task(Kind.IMAGE_EDIT, image.edit, frozenset({1, 2})),
        Task(Kind.IMAGE_ANALYZE, image.analyze),
        Task(Kind.VIDEO_GENERATE, video.generate),
        Task(Kind.FILE_PROCESS, file.process),
    )
}
