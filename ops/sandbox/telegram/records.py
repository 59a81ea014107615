"""What is remembered about bots, people, chats, messages, files, updates and payments.

Every record can be written as one line of JSON and read back. Whoever changes one puts it on its shelf
again, so that the log on disk follows. `at` and other moments are Unix seconds.
"""

from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict

Wire = dict[str, Any]
"""A JSON object in the shape of the Bot API."""

ChatType = Literal["private", "group", "supergroup", "channel"]
Status = Literal["creator", "administrator", "member", "left", "kicked"]

SUPERGROUP_BASE: Final = -1_000_000_000_000
ADMIN_RIGHTS: Final = (
    "can_manage_chat",
    "can_post_messages",
    "can_edit_messages",
    "can_delete_messages",
    "can_invite_users",
)


class Record(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Webhook(Record):
    url: str
    secret_token: str = ""
    max_connections: int = 40
    last_error: str = ""
    last_error_at: int = 0


class Bot(Record):
    """A bot account. `commands` and `about` are by language, "" for all others."""

    id: int
    token: str
    username: str
    first_name: str
    about: dict[str, str] = {}
    commands: dict[str, list[Wire]] = {}
    webhook: Webhook | None = None
    allowed_updates: list[str] | None = None
    reads_all: bool = False
    inline: bool = True


class Person(Record):
    """Somebody who talks to bots. `visitor` is the digest of a browser's cookie."""

    id: int
    first_name: str
    last_name: str | None = None
    username: str | None = None
    language: str = "en"
    stars: int = 0
    visitor: str = ""


class Member(Record):
    """One account in a group or channel; `rights` only where it is an administrator."""

    status: Status = "member"
    is_bot: bool = False
    rights: list[str] = []

    def may(self, right: str) -> bool:
        return self.status == "creator" or (self.status == "administrator" and right in self.rights)

    @property
    def is_inside(self) -> bool:
        return self.status in ("creator", "administrator", "member")


class Chat(Record):
    """One conversation. `key` is unique in the sandbox: `bot/user` for a private one, else the id.

    `keyboard` is what the bot has put in place of the letters, until it takes it away.
    """

    key: str
    id: int
    type: ChatType
    title: str | None = None
    username: str | None = None
    bot_id: int = 0
    person_id: int = 0
    members: dict[int, Member] = {}
    blocked: bool = False
    migrated_to: int | None = None
    last_message_id: int = 0
    keyboard: Wire | None = None


class Message(Record):
    """`content` is the message on the wire without its id, date, chat, author and keyboard.

    `bot_id` is who may edit it; for a message sent by way of a bot that bot, too.
    """

    chat: str
    id: int
    at: int
    author: Wire = {}
    content: Wire = {}
    markup: Wire | None = None
    reply_to: int | None = None
    bot_id: int | None = None
    person_id: int | None = None
    edited_at: int | None = None
    inline_id: str = ""
    invoice: str = ""
    deleted: bool = False
    reactions: dict[int, list[Wire]] = {}


class StoredFile(Record):
    """Bytes that somebody sent, in the folder of the sandbox under `name_on_disk`."""

    file_id: str
    unique_id: str
    path: str
    name_on_disk: str
    size_bytes: int
    mime_type: str
    name: str | None = None
    width: int = 0
    height: int = 0
    duration_s: int = 0


class Update(Record):
    """One thing a bot has not confirmed yet; `copies` more than 1: it will come again."""

    id: int
    bot_id: int
    kind: str
    body: Wire
    at: float
    copies: int = 1
    failures: int = 0
    due_at: float = 0.0


class Invoice(Record):
    """What a bot asks to be paid for; amounts are whole Stars."""

    slug: str
    bot_id: int
    title: str
    description: str
    payload: str
    stars: int
    period_s: int = 0


class Payment(Record):
    """One payment that went through; a renewal is a payment of its own, with its own charge id."""

    charge_id: str
    invoice: str
    bot_id: int
    person_id: int
    payload: str
    stars: int
    at: int
    period_s: int = 0
    expires_at: int | None = None
    first: bool = True
    canceled: bool = False
    refunded_at: int | None = None
