"""What may be put into a request to the control paths. Ids are those of the Bot API."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from ops.sandbox.telegram.records import ADMIN_RIGHTS, ChatType
from ops.sandbox.telegram.world import PLAY_STARS


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class NewBot(Body):
    """`about` and `commands` are by language, "" for all."""

    token: str
    username: str
    first_name: str
    about: dict[str, str] = {}
    reads_all: bool = False


class NewPerson(Body):
    first_name: str = "Ann"
    username: str | None = None
    language: str = "en"
    id: int | None = None
    stars: int = PLAY_STARS


class NewChat(Body):
    type: ChatType = "group"
    title: str = "A chat"
    owner: int
    username: str | None = None
    id: int | None = None


class Here(Body):
    """Who does it and where: `chat` is the id of a group or channel, or else `bot` of a bot."""

    person: int
    chat: int | None = None
    bot: int | None = None


class Say(Here):
    text: str
    reply_to: int | None = None


class Change(Here):
    message_id: int
    text: str


class Press(Here):
    """`data`, or the label on the button. `times` presses, each an update of its own."""

    message_id: int
    data: str | None = None
    label: str | None = None
    times: int = Field(1, ge=1, le=100)
    sure: bool = False
    wait: bool = False


class AskInline(Here):
    query: str
    timeout_s: float = 10.0
    choose: str | None = None


class Pay(Body):
    """By `slug` (or the link it ends), or by the message that shows the invoice."""

    person: int
    slug: str | None = None
    bot: int | None = None
    message_id: int | None = None
    times: int = Field(1, ge=0, le=100)
    told_stars: int | None = None
    timeout_s: float | None = None


class ByCharge(Body):
    charge_id: str
    times: int = Field(1, ge=1, le=100)


class Subscription(Body):
    charge_id: str
    state: str = "canceled"


class Block(Body):
    person: int
    bot: int
    blocked: bool = True


class SetMember(Body):
    chat: int
    account: int
    status: str = "administrator"
    rights: list[str] = list(ADMIN_RIGHTS)
    actor: int | None = None


class StopDraft(Here):
    draft_id: int


class RawUpdate(Body):
    """Anything at all in place of an update (its update_id is given), or one again by its id."""

    bot: int
    body: dict[str, Any] | None = None
    again: dict[str, Any] | None = None
