"""What the scripts of the chat page ask for: `/chat/api/…`, as the visitor that the cookie names."""

from collections.abc import Callable, Coroutine
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, File, Form, UploadFile
from fastapi.routing import APIRoute
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from ops.sandbox.telegram import acts, cashier, membership, views, wire
from ops.sandbox.telegram.acts import NotPossible
from ops.sandbox.telegram.files import Upload
from ops.sandbox.telegram.played import Played
from ops.sandbox.telegram.records import (
    ADMIN_RIGHTS,
    Bot,
    Chat,
    ChatType,
    Invoice,
    Member,
    Person,
    Wire,
)
from ops.sandbox.telegram.visitors import known_visitor
from ops.sandbox.telegram.world import PLAY_STARS, TelegramWorld

HISTORY_MAX: Final = 60
MARK: Final = "x-play"
TITLE_MAX: Final = 64


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Say(Body):
    chat: str
    text: str = Field(max_length=20_000)
    reply_to: int | None = None


class Press(Body):
    chat: str
    message_id: int
    data: str


class Stop(Body):
    chat: str
    draft_id: int


class PayFor(Body):
    slug: str


class Ask(Body):
    chat: str
    username: str
    query: str = Field(max_length=256)


class Choose(Body):
    chat: str
    query_id: str
    result_id: str
    text: str


class Found(Body):
    type: str = Field(pattern="^(group|channel)$")
    title: str = Field(min_length=1, max_length=TITLE_MAX)
    bots: list[int] = Field(default=[], max_length=20)


class Block(Body):
    chat: str
    blocked: bool


class Me(Body):
    first_name: str = Field(min_length=1, max_length=TITLE_MAX)


class VisitorRoute(APIRoute):
    """Every request needs the cookie; one that changes something also a header no form can send."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        inner = super().get_route_handler()

        async def guarded(request: Request) -> Response:
            if request.method != "GET" and MARK not in request.headers:
                return JSONResponse({"code": "forbidden"}, 403)
            try:
                return await inner(request)
            except NotPossible as error:
                return JSONResponse({"code": error.code, "text": str(error)}, 422)

        return guarded


router = APIRouter(prefix="/chat/api", route_class=VisitorRoute)


async def visitor(request: Request, world: Played) -> Person:
    person = known_visitor(world, request)
    if person is None:
        raise NotPossible("stranger", "open /chat first")
    return person


Visitor = Annotated[Person, Depends(visitor)]


@router.get("/state")
async def state(person: Visitor, world: Played) -> Wire:
    """Everything a page needs to begin, and the number of the last event in it."""
    return {
        "me": views.me(person),
        "chats": _chats(world, person),
        "drafts": [
            {"chat": key, "draft": draft}
            for (key, _), draft in world.drafts.items()
            if key.endswith(f"/{person.id}")
        ],
        "event": world.feed.number,
    }


@router.get("/messages")
async def messages(person: Visitor, world: Played, chat: str, before: int = 2**31) -> Wire:
    """The newest before an id, oldest first."""
    place = _chat(world, person, chat, only_look=True)
    found = world.history(place)
    older = [one for one in found if one.id < before]
    shown = [views.message(world, one, person) for one in older[-HISTORY_MAX:]]
    return {"messages": shown, "more": len(older) > HISTORY_MAX}


@router.post("/say")
async def say(person: Visitor, world: Played, said: Say) -> Wire:
    chat = _chat(world, person, said.chat)
    message = acts.write(world, person, chat, said.text, reply_to=said.reply_to)
    return {"message": views.message(world, message, person)}


@router.post("/files")
async def send_files(
    person: Visitor,
    world: Played,
    chat: Annotated[str, Form()],
    files: Annotated[list[UploadFile], File()],
    caption: Annotated[str, Form()] = "",
    reply_to: Annotated[int | None, Form()] = None,
    as_documents: Annotated[bool, Form()] = False,  # noqa: FBT002 (a field of a form)
) -> Wire:
    place = _chat(world, person, chat)
    uploads = [
        Upload(await one.read(), one.filename or "file", one.content_type or "") for one in files
    ]
    sent = await acts.send_files(
        world, person, place, uploads, text=caption, as_documents=as_documents,
        reply_to=reply_to,
    )  # fmt: skip
    return {"messages": [views.message(world, one, person) for one in sent]}


@router.post("/press")
async def press(person: Visitor, world: Played, pressed: Press) -> Wire:
    """The bot's answer comes as an event with this query id."""
    chat = _chat(world, person, pressed.chat)
    query = acts.press(world, person, chat, pressed.message_id, pressed.data)
    return {"query_id": query.id}


@router.post("/stop")
async def stop(person: Visitor, world: Played, wanted: Stop) -> Wire:
    chat = _chat(world, person, wanted.chat)
    return {"update_id": acts.stop_draft(world, person, chat, wanted.draft_id)}


@router.post("/inline")
async def inline(person: Visitor, world: Played, asked: Ask) -> Wire:
    bot = world.bot_named(asked.username)
    if bot is None:
        raise NotPossible("no_bot", "there is no such bot")
    chat = _chat(world, person, asked.chat)
    query, results = await acts.ask_inline(world, person, bot, asked.query, chat=chat)
    keep = ("id", "type", "title", "description", "photo_file_id")
    shown = [{name: one[name] for name in keep} for one in results]
    return {"query_id": query.id, "results": shown}


@router.post("/choose")
async def choose(person: Visitor, world: Played, chosen: Choose) -> Wire:
    query = world.queries.get(chosen.query_id)
    if query is None or query.person_id != person.id:
        raise NotPossible("no_result", "there is no such result")
    chat = _chat(world, person, chosen.chat)
    message = acts.choose(world, person, chat, query, chosen.result_id, text=chosen.text)
    return {"message": views.message(world, message, person)}


@router.get("/invoice")
async def invoice(person: Visitor, world: Played, slug: str) -> Wire:
    found = _invoice(world, slug)
    bot = world.bots.get(found.bot_id)
    shown = wire.invoice(found.title, found.description, found.stars)
    name = bot.first_name if bot else ""
    return shown | {"period_s": found.period_s, "bot": name, "balance": person.stars}


@router.post("/pay")
async def pay(person: Visitor, world: Played, wanted: PayFor) -> Wire:
    paid = await cashier.pay(world, person, _invoice(world, wanted.slug))
    return {"outcome": paid.outcome, "reason": paid.reason}


@router.post("/stars")
async def more_stars(person: Visitor, world: Played) -> Wire:
    """They cost nothing: the balance is filled up again."""
    person.stars = max(person.stars, PLAY_STARS)
    world.people.put(person)
    world.feed.tell(person.id, "wallet", {"stars": person.stars})
    return {"stars": person.stars}


@router.post("/chats")
async def found(person: Visitor, world: Played, wanted: Found) -> Wire:
    """A group or channel of one's own, with bots in it (as administrators in a channel)."""
    kind: ChatType = "channel" if wanted.type == "channel" else "group"
    chat = membership.found_chat(world, kind, wanted.title, owner=person)
    for bot_id in wanted.bots:
        _seat(world, chat, person, bot_id)
    return {"chat": views.chat(world, chat, person)}


@router.post("/block")
async def block(person: Visitor, world: Played, wanted: Block) -> Wire:
    chat = _chat(world, person, wanted.chat)
    if chat.type != "private":
        raise NotPossible("not_private", "only a bot can be blocked")
    membership.set_blocked(world, chat, blocked=wanted.blocked)
    return {"chat": views.chat(world, chat, person)}


@router.post("/me")
async def change_me(person: Visitor, world: Played, wanted: Me) -> Wire:
    person.first_name = wanted.first_name.strip() or person.first_name
    world.people.put(person)
    return {"me": views.me(person)}


def _seat(world: TelegramWorld, chat: Chat, person: Person, bot_id: int) -> None:
    if world.bots.get(bot_id) is None:
        return
    rights = list(ADMIN_RIGHTS) if chat.type == "channel" else []
    member = Member(status="administrator" if rights else "member", is_bot=True, rights=rights)
    membership.set_member(world, chat, bot_id, member, actor=wire.person(person))


def _chats(world: TelegramWorld, person: Person) -> list[Wire]:
    """Bots first, also those never spoken to; then groups and channels."""
    begun = [views.chat(world, _private(world, bot, person), person) for bot in world.bots]
    own = [
        views.chat(world, one, person)
        for one in world.chats
        if one.type != "private"
        and one.migrated_to is None
        and (member := one.members.get(person.id)) is not None
        and member.is_inside
    ]
    return begun + own


def _private(world: TelegramWorld, bot: Bot, person: Person) -> Chat:
    """A chat that has not begun is shown, but not kept: the bot must not write first."""
    key = f"{bot.id}/{person.id}"
    known = world.chats.get(key)
    return known or Chat(key=key, id=person.id, type="private", bot_id=bot.id, person_id=person.id)


def _chat(world: TelegramWorld, person: Person, key: str, *, only_look: bool = False) -> Chat:
    """Raises NotPossible for a chat of somebody else."""
    head, slash, tail = key.partition("/")
    if slash and tail == str(person.id) and head.isdecimal():
        bot = world.bots.get(int(head))
        if bot is not None:
            looked = _private(world, bot, person)
            return looked if only_look else world.private_chat(bot, person)
    chat = world.chats.get(key)
    if chat is None or person.id not in chat.members or not chat.members[person.id].is_inside:
        raise NotPossible("not_inside", "you are not in this chat")
    return chat


def _invoice(world: TelegramWorld, slug: str) -> Invoice:
    invoice = world.invoices.get(slug)
    if invoice is None:
        raise NotPossible("no_invoice", "there is no such invoice")
    return invoice
