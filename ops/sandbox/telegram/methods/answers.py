"""Answers to pressed buttons and inline queries."""

from typing import Any, Final

from ops.sandbox.telegram.entities import caption, message_text
from ops.sandbox.telegram.keyboards import inline_keyboard
from ops.sandbox.telegram.methods.method import Method
from ops.sandbox.telegram.params import JsonList, Params
from ops.sandbox.telegram.records import Wire
from ops.sandbox.telegram.refusals import bad_request
from ops.sandbox.telegram.visit import Visit

RESULTS_MAX: Final = 50
NOTE_MAX: Final = 200
ID_MAX_BYTES: Final = 64


class AnswerCallback(Params):
    callback_query_id: str | None = None
    text: str | None = None
    show_alert: bool = False
    url: str | None = None


class AnswerInline(Params):
    inline_query_id: str | None = None
    results: JsonList = None
    next_offset: str | None = None


async def answer_callback(visit: Visit, params: AnswerCallback) -> bool:
    text = params.text or ""
    if len(text) > NOTE_MAX:
        raise bad_request("MESSAGE_TOO_LONG")
    answer = {"text": text, "show_alert": params.show_alert, "url": params.url or ""}
    query = visit.world.queries.answer(
        "callback", params.callback_query_id, bot_id=visit.bot.id, answer=answer
    )
    visit.world.feed.tell(query.person_id, "answer", {"query_id": query.id} | answer)
    return True


async def answer_inline(visit: Visit, params: AnswerInline) -> bool:
    results = params.results or []
    if len(results) > RESULTS_MAX:
        raise bad_request("too many inline query results specified")
    ready = [_result(one) for one in results]
    if len({one["id"] for one in ready}) != len(ready):
        raise bad_request("RESULT_ID_DUPLICATE")
    answer = {"results": ready, "next_offset": params.next_offset or ""}
    visit.world.queries.answer("inline", params.inline_query_id, bot_id=visit.bot.id, answer=answer)
    return True


def _result(result: Any) -> Wire:
    """A result with the message that choosing it sends. Raises BotApiRefusal 400."""
    if not isinstance(result, dict):
        raise bad_request("inline query result must be an object")
    number = str(result.get("id", ""))
    if not 1 <= len(number.encode()) <= ID_MAX_BYTES:
        raise bad_request("RESULT_ID_INVALID")
    return {
        "id": number,
        "type": str(result.get("type", "")),
        "title": str(result.get("title") or result.get("caption") or ""),
        "description": str(result.get("description") or ""),
        "photo_file_id": str(result.get("photo_file_id") or ""),
        "photo_url": str(result.get("photo_url") or ""),
        "content": _content(result),
        "markup": inline_keyboard(result.get("reply_markup")),
    }


def _content(result: Wire) -> Wire:
    given = result.get("input_message_content")
    if isinstance(given, dict):
        text = given.get("message_text")
        return message_text(text, given.get("parse_mode"), given.get("entities"))
    if result.get("type") != "photo":
        kind = result.get("type")
        raise bad_request(f'type "{kind}" is unsupported for the inline query result')
    return caption(result.get("caption"), result.get("parse_mode"), result.get("caption_entities"))


METHODS: Final = (
    Method("answerCallbackQuery", AnswerCallback, answer_callback),
    Method("answerInlineQuery", AnswerInline, answer_inline),
)
