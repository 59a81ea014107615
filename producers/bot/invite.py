"""Inviting: /invite and its link, whom it brought, and the bonuses when these have shown to be people.

A bonus is promised first and given later (`keep_due`, a turn of the upkeep), so that a hundred accounts
made in a night bring nothing. Which amounts and after how many jobs: `schemas/data/plans.yaml`.
"""

from typing import Final

from aiogram import F, Router
from aiogram.exceptions import TelegramAPIError
from aiogram.filters import Command
from aiogram.types import CallbackQuery, Message, ResultChatMemberUnion

from ledger.rewards import Rewards
from ops.base.logs import get_logger
from producers.bot.guest import Guest
from producers.bot.guests import guest_of
from producers.bot.presses import Pressed, button
from producers.bot.private import check_private
from producers.bot.refusals import refusals
from producers.bot.renewals import AWAY
from producers.bot.room import Room
from producers.bot.say import Gone, Keyboard
from schemas.errors import NotAllowed, Unavailable
from schemas.plans import plans
from schemas.speech import Html, html
from schemas.texts import text
from storage.promises import Promise, Promises

log = get_logger(__name__)

JOINED: Final = "joined"
PREFIX: Final = "ref-"
_INSIDE: Final = frozenset({"creator", "administrator", "member"})


def router() -> Router:
    made = Router(name="invite")
    made.message.register(on_invite, Command("invite"))
    made.callback_query.register(on_joined, Pressed(JOINED), F.message)
    return made


async def on_invite(_: Message, room: Room, guest: Guest) -> None:
    """The link, the rule, how many came, and the channel that can be joined."""
    async with refusals(room, guest):
        check_private(guest)
        promises, facts = Promises(room.desk.db), plans().grants
        code = await promises.code(guest.user_id)
        invited = await promises.invited(guest.user_id)
        mine, theirs = facts.referral.inviter.units, facts.referral.invitee.units
        lines = [
            html("invite.title", guest.language),
            await _link(room, guest, code),
            html("invite.yours", guest.language, price_units=mine),
            html("invite.theirs", guest.language, price_units=theirs),
            html("invite.rule", guest.language, jobs=facts.referral.after_jobs),
            html("invite.so-far", guest.language, bound=invited.bound, given=invited.given),
        ]
        keyboard: Keyboard = []
        if channel := room.settings.bonus_channel:
            units, jobs = facts.joined.bonus.units, facts.joined.after_jobs
            told = {"channel": channel, "price_units": units, "jobs": jobs}
            lines += [Html(""), html("invite.channel", guest.language, **told)]
            keyboard = [[button(text("invite.joined", guest.language), JOINED)]]
        await room.say.send(guest, Html("\n".join(lines)), keyboard=keyboard)


async def on_joined(query: CallbackQuery, room: Room, guest: Guest) -> None:
    """Whether they are in the channel is asked of Telegram; the bonus is promised once."""
    async with refusals(room, guest, query):
        if not room.settings.bonus_channel:
            raise NotAllowed("bonus_unavailable")
        if not await _is_inside(room, guest):
            raise NotAllowed("not_joined")
        if not await Promises(room.desk.db).join(guest.user_id, bot_id=guest.bot_id):
            raise NotAllowed("bonus_once")
        log.info("promise.made", user_id=guest.user_id, promise=JOINED)
        facts = plans().grants.joined
        told = {"price_units": facts.bonus.units, "jobs": facts.after_jobs}
        await room.say.send(guest, html("invite.joined-noted", guest.language, **told))


async def bind(room: Room, guest: Guest, word: str) -> Html | None:
    """What a newcomer is told who came by the link of somebody; None where nothing is to be said.

    `word` is what stood behind /start. Handled a second time, the same update binds nothing new.
    """
    if not guest.private or not word.startswith(PREFIX):
        return None
    facts = plans().grants.referral
    code = await Promises(room.desk.db).bind(
        guest.user_id,
        word.removeprefix(PREFIX),
        bot_id=guest.bot_id,
        per_inviter_max=facts.per_inviter_max,
    )
    log.info("referral.bound" if code == "ok" else "referral.refused", reason=code)
    if code == "ok":
        told = {"price_units": facts.invitee.units, "jobs": facts.after_jobs}
        return html("invite.bound", guest.language, **told)
    return html(f"invite.{code}", guest.language) if code in {"self", "old"} else None


async def keep_due(room: Room) -> int:
    """Give what is due now; how many promises were kept.

    Killed between the credits and the row: the next turn asks for the same ids and gives nothing new.
    """
    facts, promises = plans().grants, Promises(room.desk.db)
    due = await promises.due(
        jobs_referral=facts.referral.after_jobs, jobs_joined=facts.joined.after_jobs
    )
    return sum([await _keep(room, promises, promise) for promise in due])


async def _keep(room: Room, promises: Promises, promise: Promise) -> bool:
    rewards, facts = Rewards(room.desk.db), plans().grants
    if promise.inviter is None:
        given = await rewards.joined(promise.user_id)
        mine = facts.joined.bonus
    else:
        given = await rewards.referral(promise.user_id, inviter=promise.inviter)
        mine = facts.referral.invitee
    if not await promises.kept(promise):
        return False
    log.info("promise.kept", user_id=promise.user_id, promise=promise.name)
    if given.person:
        key = "invite.given-joined" if promise.inviter is None else "invite.given-invitee"
        await _tell(room, promise, promise.user_id, key, mine.units)
    if promise.inviter is not None and given.inviter:
        units = facts.referral.inviter.units
        await _tell(room, promise, promise.inviter, "invite.given-inviter", units)
    return True


async def _tell(room: Room, promise: Promise, user_id: int, key: str, units: int) -> None:
    """Best effort: the credits are there, and /history shows them."""
    guest = await guest_of(
        room, user_id, bot_id=promise.bot_id, key=f"promise-{promise.user_id}-{promise.name}"
    )
    if guest is None:
        return
    try:
        await room.say.send(guest, html(key, guest.language, price_units=units))
    except (Gone, Unavailable) as error:
        log.info("promise.untold", user_id=user_id, reason=type(error).__name__)


async def _link(room: Room, guest: Guest, code: str) -> Html:
    try:
        me = await room.bot(guest.bot_id).me()
    except AWAY as error:
        raise Unavailable(store="telegram", reason=type(error).__name__) from error
    return Html(f"https://t.me/{me.username}?start={PREFIX}{code}")


async def _is_inside(room: Room, guest: Guest) -> bool:
    """Raises NotAllowed when Telegram does not tell us, Unavailable."""
    channel = room.settings.bonus_channel
    try:
        member = await room.bot(guest.bot_id).get_chat_member(channel, guest.telegram_id)
    except AWAY as error:
        raise Unavailable(store="telegram", reason=type(error).__name__) from error
    except TelegramAPIError as error:
        log.warning("bonus_channel.unreadable", reason=error.message)
        raise NotAllowed("bonus_unavailable") from error
    return _counts(member)


def _counts(member: ResultChatMemberUnion) -> bool:
    """Restricted people may be in it or not."""
    return member.status in _INSIDE or bool(getattr(member, "is_member", False))
