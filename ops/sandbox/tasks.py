"""Tasks that take their time: how far each is, and when it ends."""

from dataclasses import dataclass
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from ops.base.clock import unix_s
from ops.sandbox.journal import Journal, Purchase, TaskOrder

Phase = Literal["waiting", "running", "success", "fail"]
ALMOST: Final = 0.99


class Timing(BaseModel):
    """A polled task ends at its `polls`-th poll, but not before `seconds`. A task with a callback ends
    when the callback leaves, `callback_s` after the order, if no poll has ended it before.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    polls: int = Field(2, ge=0)
    seconds: float = Field(0.0, ge=0)
    callback_s: float = Field(0.5, ge=0)
    callback_again_s: float = Field(1.0, ge=0)
    link_s: float = Field(86_400.0, gt=0)
    fresh_link_s: float = Field(1200.0, gt=0)


@dataclass(slots=True)
class Task:
    """An order of the journal with the polls it has had since this process started."""

    purchase: Purchase
    order: TaskOrder
    polls: int = 0
    share: float = 0.0

    @property
    def id(self) -> str:
        return self.purchase.id

    @property
    def phase(self) -> Phase:
        if self.purchase.finished_at is None:
            return "running" if self.polls > 1 or self.share > 0 else "waiting"
        return "fail" if self.order.fate.ends == "fail" else "success"


class Tasks:
    """All of them, by id; those of earlier processes too."""

    def __init__(self, journal: Journal) -> None:
        self.timing = Timing()
        self._journal = journal
        self._tasks: dict[str, Task] = {}
        for purchase in journal.all():
            if purchase.task is not None:
                self._tasks[purchase.id] = Task(purchase, purchase.task)

    def add(self, purchase: Purchase, order: TaskOrder) -> Task:
        task = self._tasks[purchase.id] = Task(purchase, order)
        return task

    def get(self, task_id: str) -> Task | None:
        return self._tasks.get(task_id)

    def unfinished(self) -> list[Task]:
        return [task for task in self._tasks.values() if task.purchase.finished_at is None]

    def clear(self) -> None:
        self._tasks.clear()

    def poll(self, task: Task) -> None:
        """Count one poll; it may be the one that ends the task."""
        task.polls += 1
        needed_s = max(self.timing.seconds, task.order.fate.slow_s)
        elapsed_s = unix_s() - task.purchase.at
        by_polls = task.polls / self.timing.polls if self.timing.polls else 1.0
        by_time = elapsed_s / needed_s if needed_s else 1.0
        task.share = max(task.share, min(by_polls, by_time, ALMOST))
        if by_polls >= 1 and by_time >= 1:
            self.end(task)

    def end(self, task: Task) -> None:
        """Now, unless it has ended or never will."""
        if task.purchase.finished_at is None and task.order.fate.ends != "never":
            self._journal.finish(task.purchase, unix_s())
