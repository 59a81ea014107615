"""A post in a channel, at most once.

    content -> judged -> rights asked again -> for each message: a place in the limiter, `begin`, send, `note`

The row says `sending` before a message leaves. Killed from there on, nobody knows whether it has appeared:
whoever comes next finds the row so and asks the owner (crash windows 16 and 18 for channels).
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Final, Literal, TypeVar
from uuid import UUID

from ops.base import metrics
from ops.base.logs import get_logger
from ops.base.telegram import may_post
from schemas.errors import JobFault, LostLease, Missing, Permanent, Retryable, Unavailable
from schemas.payloads import PostPublish
from schemas.targets import ChannelTarget
from storage.channels import Channel, Channels
from storage.posts import Posts
from storage.users import Users
from workers.delivery.contents import Content, Contents, post_parts
from workers.delivery.letters import Letters, Place
from workers.delivery.outcomes import Gone, Later, Moved, Outcome, Refused, Unknown
from workers.delivery.parts import Album, Part, Words
from workers.delivery.wire import Speaker, Wire
from workers.moderation.gate import Gate
from workers.runtime.rounds import BackOff
from workers.tasks.context import TaskContext

log = get_logger(__name__)

T = TypeVar("T")

Left = Literal["pending", "undeliverable", "uncertain"]

BOT_NO_RIGHTS: Final = "bot_no_rights"
OWNER_NO_RIGHTS: Final = "owner_no_rights"
UNAVAILABLE: Final = "provider_unavailable"


@dataclass(frozen=True, slots=True)
class ChannelPublisher:
    """One for a process."""

    posts: Posts
    channels: Channels
    users: Users
    contents: Contents
    gate: Gate
    wire: Wire

    async def publish(self, payload: PostPublish, ctx: TaskContext) -> str:
        """`chat:message,message`. Raises Permanent, Retryable, Missing, LostLease, Unavailable."""
        channel = await self.channels.of(ctx.user_id, payload.channel)
        speaker = self.wire.speaker(channel.bot)
        if not channel.linked or speaker is None:
            raise Missing("channel_not_linked")
        content = await self.contents.of(payload, ctx.user_id)
        await self._judge(payload, content, ctx)
        await self._check(speaker, channel)
        parts = await post_parts(content)
        try:
            return await self._send_all(ctx, Place(speaker, channel.chat_id), channel, parts)
        except JobFault as fault:
            if not fault.retryable:
                metrics.posts_ended.labels(outcome=fault.code).inc()
            raise

    async def _judge(self, payload: PostPublish, content: Content, ctx: TaskContext) -> None:
        """The text and the first picture of a payload have been looked at by now; what else it names has
        not: a text that was found, and the other pictures of an album.
        """

        async def load_picture(file_id: UUID) -> bytes:
            return await self.contents.picture(ctx.user_id, file_id)

        alone: dict[str, object] = {"file": None, "more_files": ()}
        if content.found and content.text and not payload.text:
            asked = payload.model_copy(update={**alone, "text": content.text})
            await self.gate.check(ctx.job_id, asked, load_picture=load_picture)
        for file_id in payload.more_files:
            asked = payload.model_copy(update={**alone, "text": "", "file": file_id})
            await self.gate.check(ctx.job_id, asked, load_picture=load_picture)

    # --------------------------------------------------------------------------------------- rights

    async def _check(self, speaker: Speaker, channel: Channel) -> None:
        """Right before: may the bot still post there, and may its owner?"""
        if not await self._may(speaker, channel.chat_id, speaker.bot_id):
            await self._disable(channel, BOT_NO_RIGHTS)
        telegram_id = await self._telegram_id(channel.user_id)
        if telegram_id is None or not await self._may(speaker, channel.chat_id, telegram_id):
            await self._disable(channel, OWNER_NO_RIGHTS, user_id=channel.user_id)

    async def _may(self, speaker: Speaker, chat_id: int, member_id: int) -> bool:
        try:
            member = await self.wire.call(
                speaker, chat_id, lambda bot: bot.get_chat_member(chat_id, member_id), cost=0
            )
        except (Gone, Refused, Moved):
            return False
        except Later as later:
            raise Retryable(UNAVAILABLE, retry_after_s=later.wait_s) from later
        except Outcome as outcome:
            raise Retryable(UNAVAILABLE) from outcome
        return may_post(member)

    async def _telegram_id(self, user_id: int) -> int | None:
        names = await self.users.names(user_id)
        known = (name for provider, name in names if provider == "telegram" and name.isdigit())
        return next((int(name) for name in known), None)

    async def _disable(self, channel: Channel, reason: str, *, user_id: int | None = None) -> None:
        await self.channels.disable(channel.bot, channel.chat_id, reason, user_id=user_id)
        log.info("channel.disabled", channel=channel.id, reason=reason)
        raise Permanent("channel_no_rights")

    # ------------------------------------------------------------------------------------- the post

    async def _send_all(
        self, ctx: TaskContext, place: Place, channel: Channel, parts: tuple[Part, ...]
    ) -> str:
        target, done = ChannelTarget(channel.bot, channel.chat_id), 0
        while True:
            await self._turn(place, parts[done])
            post = await self.posts.begin(ctx.job_id, ctx.attempt, target, total=len(parts))
            if post.code == "sent":
                return _ref(place, post.parts)
            if post.code != "ok" or post.id is None:
                raise _fault_of(post.code)
            at = _behind(place, post.parts, parts)
            message_id = await self._send(ctx, post.id, at, parts[len(post.parts)])
            sent = (*post.parts, message_id)
            await self._note(ctx, post.id, message_id, _ref(place, sent))
            done = len(sent)
            if done == len(parts):
                metrics.posts_ended.labels(outcome="sent").inc()
                return _ref(place, sent)

    async def _turn(self, place: Place, part: Part) -> None:
        """Before the row says `sending`: who is stopped while he waits has sent nothing."""
        cost = len(part.files) if isinstance(part, Album) else 1
        try:
            await self.wire.turn(place.speaker, place.chat_id, cost)
        except Later as later:
            raise Retryable("rate_limited", retry_after_s=later.wait_s, counted=False) from later

    async def _note(self, ctx: TaskContext, post_id: int, message_id: int, ref: str) -> None:
        """Insist: what Telegram has confirmed must not become a question. Raises LostLease."""

        async def note() -> bool:
            return await self.posts.note(post_id, ctx.attempt, message_id, ref)

        if not await _insist(note):
            raise LostLease

    async def _send(self, ctx: TaskContext, post_id: int, place: Place, part: Part) -> int:
        async def leave(state: Left, outcome: Outcome) -> None:
            async def say() -> bool:
                return await self.posts.leave(post_id, ctx.attempt, state, outcome.reason)

            await _insist(say)

        try:
            message = await Letters(self.wire, counted=False).send(place, part)
        except Later as later:
            await leave("pending", later)
            fault = Retryable("rate_limited", retry_after_s=later.wait_s, counted=later.counted)
            raise fault from later
        except Unknown as unknown:
            await leave("uncertain", unknown)
            metrics.deliveries_doubtful.labels(reason="post").inc()
            raise Permanent("post_uncertain") from unknown
        except Gone as gone:
            await leave("undeliverable", gone)
            raise Permanent("channel_no_rights") from gone
        except Outcome as refused:
            await leave("undeliverable", refused)
            raise Permanent("post_refused") from refused
        return message.message_id


def _ref(place: Place, messages: tuple[int, ...]) -> str:
    return f"{place.chat_id}:{','.join(map(str, messages))}"


def _behind(place: Place, sent: tuple[int, ...], parts: tuple[Part, ...]) -> Place:
    """A text that follows files answers the first of them."""
    if sent and sent[0] and not isinstance(parts[0], Words):
        return replace(place, reply_to=sent[0])
    return place


def _fault_of(code: str) -> Exception:
    match code:
        case "lost":
            return LostLease()
        case "uncertain":
            return Permanent("post_uncertain")
        case _:
            return Permanent("post_refused")


async def _insist(say: Callable[[], Awaitable[T]]) -> T:
    back_off = BackOff()
    while True:
        try:
            return await say()
        except Unavailable:
            await asyncio.sleep(back_off.next_s())
