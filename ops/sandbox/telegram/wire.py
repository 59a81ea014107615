"""Records -> the JSON of the Bot API. Required fields are those of Bot API 10.3."""

from typing import Any, Final

from ops.sandbox.telegram.records import (
    ADMIN_RIGHTS,
    Bot,
    Chat,
    Member,
    Payment,
    Person,
    StoredFile,
    Wire,
)

_OTHER_RIGHTS: Final = (
    "can_manage_video_chats", "can_restrict_members", "can_promote_members", "can_change_info",
    "can_post_stories", "can_edit_stories", "can_delete_stories", "can_send_welcome_messages",
)  # fmt: skip
_CHANNEL_ONLY: Final = ("can_post_messages", "can_edit_messages")
_CALLBACK: Final = "can_read_all_group_messages"


def person(one: Person) -> Wire:
    shown: Wire = {"id": one.id, "is_bot": False, "first_name": one.first_name}
    extra = {
        "last_name": one.last_name,
        "username": one.username,
        "language_code": one.language,
    }
    return shown | {name: value for name, value in extra.items() if value}


def bot(one: Bot) -> Wire:
    return {
        "id": one.id,
        "is_bot": True,
        "first_name": one.first_name,
        "username": one.username,
    }


def me(one: Bot) -> Wire:
    """The answer to getMe."""
    return bot(one) | {
        "can_join_groups": True,
        _CALLBACK: one.reads_all,
        "supports_inline_queries": one.inline,
        "can_connect_to_business": False,
        "has_main_web_app": False,
    }


def chat(one: Chat, who: Person | None) -> Wire:
    """A private chat is shown under the person's name."""
    if one.type == "private" and who is not None:
        names = {name: value for name, value in person(who).items() if name in _PRIVATE}
        return {"id": one.id, "type": "private"} | names
    shown: Wire = {"id": one.id, "type": one.type, "title": one.title or ""}
    return shown | ({"username": one.username} if one.username else {})


_PRIVATE: Final = ("first_name", "last_name", "username")


def full_chat(one: Chat, who: Person | None) -> Wire:
    """The answer to getChat."""
    gifts = dict.fromkeys(
        ("unlimited_gifts", "limited_gifts", "unique_gifts", "premium_subscription"), False
    )
    return chat(one, who) | {
        "accent_color_id": 0,
        "max_reaction_count": 11,
        "accepted_gift_types": gifts | {"gifts_from_channels": False},
    }


def member(one: Member, user: Wire, chat_type: str) -> Wire:
    """A ChatMember; an administrator carries every right that the API requires."""
    shown: Wire = {"status": one.status, "user": user}
    if one.status == "creator":
        shown["is_anonymous"] = False
    elif one.status == "kicked":
        shown["until_date"] = 0
    elif one.status == "administrator":
        shown |= {"can_be_edited": False, "is_anonymous": chat_type == "channel"}
        shown |= dict.fromkeys(_OTHER_RIGHTS, False)
        for right in ADMIN_RIGHTS:
            if right not in _CHANNEL_ONLY or chat_type == "channel":
                shown[right] = right in one.rights
    return shown


def photo_size(one: StoredFile) -> Wire:
    return {
        "file_id": one.file_id,
        "file_unique_id": one.unique_id,
        "width": one.width,
        "height": one.height,
        "file_size": one.size_bytes,
    }


def document(one: StoredFile, thumbnail: Wire | None = None) -> Wire:
    shown: Wire = {
        "file_id": one.file_id,
        "file_unique_id": one.unique_id,
        "file_name": one.name or "file",
        "mime_type": one.mime_type,
        "file_size": one.size_bytes,
    }
    return shown | ({"thumbnail": thumbnail} if thumbnail else {})


def video(one: StoredFile, thumbnail: Wire | None = None) -> Wire:
    sizes = {"width": one.width, "height": one.height, "duration": one.duration_s}
    return document(one, thumbnail) | sizes


def file(one: StoredFile) -> Wire:
    """The answer to getFile."""
    return {
        "file_id": one.file_id,
        "file_unique_id": one.unique_id,
        "file_size": one.size_bytes,
        "file_path": one.path,
    }


def invoice(title: str, description: str, stars: int) -> Wire:
    return {
        "title": title,
        "description": description,
        "start_parameter": "",
        "currency": "XTR",
        "total_amount": stars,
    }


def successful_payment(one: Payment) -> Wire:
    shown: Wire = {
        "currency": "XTR",
        "total_amount": one.stars,
        "invoice_payload": one.payload,
        "telegram_payment_charge_id": one.charge_id,
        "provider_payment_charge_id": f"play-{one.charge_id[-12:]}",
    }
    if one.expires_at is not None:
        shown |= {
            "subscription_expiration_date": one.expires_at,
            "is_recurring": True,
            **({"is_first_recurring": True} if one.first else {}),
        }
    return shown


def refunded_payment(one: Payment) -> Wire:
    return {
        "currency": "XTR",
        "total_amount": one.stars,
        "invoice_payload": one.payload,
        "telegram_payment_charge_id": one.charge_id,
    }


def star_transaction(one: Payment, who: Wire, *, refund: bool) -> Wire:
    """A payment has a source, its refund a receiver, and both have the same id."""
    partner: dict[str, Any] = {
        "type": "user",
        "transaction_type": "invoice_payment",
        "user": who,
        "invoice_payload": one.payload,
    }
    if one.period_s:
        partner["subscription_period"] = one.period_s
    return {
        "id": one.charge_id,
        "amount": one.stars,
        "date": one.refunded_at if refund else one.at,
        "receiver" if refund else "source": partner,
    }
