"""Keyboards under messages: what is allowed, and what is shown of it."""

from typing import Any, Final

from ops.sandbox.telegram.links import clean_url
from ops.sandbox.telegram.records import Wire
from ops.sandbox.telegram.refusals import bad_request

BUTTONS_MAX: Final = 100
DATA_MAX_BYTES: Final = 64
_ACTIONS: Final = (
    "url", "callback_data", "web_app", "login_url", "switch_inline_query",
    "switch_inline_query_current_chat", "switch_inline_query_chosen_chat", "copy_text", "pay",
)  # fmt: skip
_LOOKS: Final = ("style", "icon_custom_emoji_id", "disabled")


def inline_keyboard(markup: Any) -> Wire | None:
    """An inline keyboard as it is kept, None for none. Raises BotApiRefusal 400."""
    if markup is None or markup == {}:
        return None
    if not isinstance(markup, dict):
        raise bad_request("object expected as reply markup")
    if "inline_keyboard" not in markup:
        raise bad_request("inline keyboard expected")
    rows = [[_button(one) for one in row] for row in _rows(markup["inline_keyboard"])]
    rows = [row for row in rows if row]
    if sum(map(len, rows)) > BUTTONS_MAX:
        raise bad_request("reply markup is too long")
    return {"inline_keyboard": rows} if rows else None


def any_keyboard(markup: Any) -> tuple[Wire | None, Wire | None]:
    """(inline keyboard, other markup): one of them at most. Raises BotApiRefusal 400."""
    if not isinstance(markup, dict) or "inline_keyboard" in markup:
        return inline_keyboard(markup), None
    if "keyboard" in markup:
        rows = [[_plain_button(one) for one in row] for row in _rows(markup["keyboard"])]
        return None, markup | {"keyboard": rows}
    return None, markup or None


def has_data(markup: Wire | None, data: str) -> bool:
    """Whether a button with this callback data is there to be pressed."""
    rows = (markup or {}).get("inline_keyboard", [])
    return any(button.get("callback_data") == data for row in rows for button in row)


def _rows(rows: Any) -> list[list[Any]]:
    if not isinstance(rows, list) or not all(isinstance(row, list) for row in rows):
        raise bad_request('field "inline_keyboard" must be an Array of Arrays')
    return rows


def _button(button: Any) -> Wire:
    if not isinstance(button, dict):
        raise bad_request(
            "can't parse inline keyboard button: InlineKeyboardButton must be an Object"
        )
    text = str(button.get("text", "")).strip()
    if not text:
        raise bad_request('can\'t parse inline keyboard button: Field "text" must be non-empty')
    actions = {name: button[name] for name in _ACTIONS if button.get(name) is not None}
    if not actions:
        what = "Text buttons are unallowed in the inline keyboard"
        raise bad_request(f"can't parse inline keyboard button: {what}")
    data = actions.get("callback_data")
    if data is not None and not 1 <= len(str(data).encode()) <= DATA_MAX_BYTES:
        raise bad_request("BUTTON_DATA_INVALID")
    if "url" in actions:
        actions["url"] = _address(str(actions["url"]))
    looks = {name: button[name] for name in _LOOKS if button.get(name) is not None}
    return {"text": text} | actions | looks


def _address(url: str) -> str:
    clean = clean_url(url)
    if clean is None:
        raise bad_request(f"inline keyboard button URL '{url}' is invalid: Wrong HTTP URL")
    return clean


def _plain_button(button: Any) -> Wire:
    shown = {"text": button} if isinstance(button, str) else button
    if not isinstance(shown, dict) or not str(shown.get("text", "")).strip():
        raise bad_request('can\'t parse keyboard button: Field "text" must be non-empty')
    return shown
