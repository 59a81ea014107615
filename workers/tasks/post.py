"""`post.publish`: a post in a channel, through whoever may speak for the bot there."""

from typing import Protocol

from ops.base.logs import get_logger
from schemas.errors import Permanent
from schemas.jobs import Kind
from schemas.payloads import PostPublish
from schemas.results import PostPublished
from workers.tasks.context import TaskContext
from workers.tasks.registry import Task

log = get_logger(__name__)

TELEGRAM = "telegram"


class Publisher(Protocol):
    """Posts at most once for a job, whatever happens to it. Raises JobFault, Refused, LostLease."""

    async def publish(self, payload: PostPublish, ctx: TaskContext) -> str: ...


def task_of(publisher: Publisher | None) -> Task:
    """The task of a process; without a bot there is no channel that it could post in."""

    async def publish(payload: PostPublish, ctx: TaskContext) -> PostPublished:
        if publisher is None:
            raise Permanent("channel_not_linked")
        message_ref = await publisher.publish(payload, ctx)
        log.info("post.published", job_id=str(ctx.job_id))
        return PostPublished(
            provider=TELEGRAM, model=TELEGRAM, made_by="Telegram", message_ref=message_ref
        )

    return Task(Kind.POST_PUBLISH, publish, frozenset({1, 2, 3}))
