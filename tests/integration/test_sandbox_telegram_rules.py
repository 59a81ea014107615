"""What the Bot API refuses, in its own words, and how it reads markup."""

import json
from typing import Any

import pytest

from ops.sandbox.telegram.entities import formatted
from ops.sandbox.telegram.refusals import BotApiRefusal
from tests.integration.sandbox_telegram import BOT_ID, Play, picture, playing

STEP = {"inline_keyboard": [[{"text": "go", "callback_data": "x"}]]}
PRICE = [{"label": "one", "amount": 1}]
MEDIA = {"type": "photo", "media": "x"}


def invoice(**changed: Any) -> dict[str, Any]:
    whole = {"title": "t", "description": "d", "payload": "p", "currency": "XTR", "prices": PRICE}
    return whole | changed


def keyboard(**key: Any) -> dict[str, Any]:
    return {"inline_keyboard": [[{"text": "go"} | key]]}


REFUSED: list[tuple[str, dict[str, Any], str]] = [
    ("sendMessage", {"text": "  "}, "message text is empty"),
    ("sendMessage", {"text": "x" * 4097}, "message is too long"),
    ("sendMessage", {"text": "<b>x", "parse_mode": "HTML"}, "can't parse entities: Can't find"),
    ("sendMessage", {"text": "1.", "parse_mode": "MarkdownV2"}, "Character '.' is reserved"),
    ("sendMessage", {"text": "x", "parse_mode": "RTF"}, "unsupported parse_mode"),
    ("sendMessage", {"text": "x", "chat_id": ""}, "chat_id is empty"),
    ("sendMessage", {"text": "x", "chat_id": 999999999}, "chat not found"),
    ("sendMessage", {"text": "x", "chat_id": "@nobody"}, "chat not found"),
    ("sendMessage", {"text": "x", "reply_parameters": {"message_id": 9}}, "to be replied not found"),
    ("sendMessage", {"text": "x", "reply_markup": keyboard(callback_data="é" * 33)},
     "BUTTON_DATA_INVALID"),
    ("sendMessage", {"text": "x", "reply_markup": keyboard()}, "Text buttons are unallowed"),
    ("sendMessage", {"text": "x", "reply_markup": keyboard(url="javascript:alert(1)")},
     "is invalid: Wrong HTTP URL"),
    ("editMessageText", {"text": "x"}, "message identifier is not specified"),
    ("editMessageText", {"text": "x", "message_id": 99}, "message to edit not found"),
    ("deleteMessage", {"message_id": 99}, "message to delete not found"),
    ("deleteMessages", {"message_ids": list(range(101))}, "too many message identifiers"),
    ("sendPhoto", {}, "there is no photo in the request"),
    ("sendPhoto", {"photo": "AgAC-unknown"}, "wrong file identifier/HTTP URL specified"),
    ("sendMediaGroup", {"media": [MEDIA] * 11}, "too many messages to send"),
    ("sendMediaGroup", {"media": [MEDIA]}, "2-10"),
    ("sendChatAction", {"action": "dancing"}, "wrong parameter action in request"),
    ("answerCallbackQuery", {"callback_query_id": "1"}, "query is too old"),
    ("answerPreCheckoutQuery", {"pre_checkout_query_id": "1", "ok": True}, "query is too old"),
    ("getFile", {"file_id": "x"}, "invalid file_id"),
    ("setWebhook", {"url": "http://example.org/"}, "An HTTPS URL must be provided for webhook"),
    ("setWebhook", {"url": "https://example.org:99/"}, "only on ports 80, 88, 443 or 8443"),
    ("setWebhook", {"url": "https://a.org/", "secret_token": "a b"}, "contains unallowed characters"),
    ("sendInvoice", invoice(title="t" * 33), "INVOICE_TITLE_INVALID"),
    ("sendInvoice", invoice(payload="é" * 65), "INVOICE_PAYLOAD_INVALID"),
    ("sendInvoice", invoice(currency="USD"), "CURRENCY_INVALID"),
    ("sendInvoice", invoice(prices=PRICE * 2), "STARS_INVOICE_INVALID"),
    ("createInvoiceLink", invoice(subscription_period=5), "SUBSCRIPTION_PERIOD_INVALID"),
    ("refundStarPayment", {"user_id": 1, "telegram_payment_charge_id": "x"}, "CHARGE_NOT_FOUND"),
    ("setMyCommands", {"commands": [{"command": "Bad Name", "description": "x"}]}, "BOT_COMMAND_INVALID"),
]  # fmt: skip


async def test_refusals_have_the_words_bots_know() -> None:
    async with playing() as play:
        person = await play.ann()
        await play.put("limits", {"enabled": False})
        for method, params, words in REFUSED:
            answer = await play.call(method, **({"chat_id": person} | params))
            assert (answer["ok"], answer["error_code"]) == (False, 400), (method, answer)
            assert words in answer["description"], (method, answer)
        made = await play.http.get("/_sandbox/telegram/messages", params={"by_bots": True})
        assert made.json() == [], "a refused call leaves nothing behind"


async def test_an_edit_must_change_something_of_ones_own() -> None:
    async with playing() as play:
        person = await play.ann()
        mine = (await play.call("sendMessage", chat_id=person, text="one", reply_markup=STEP))[
            "result"
        ]
        place = {"chat_id": person, "message_id": mine["message_id"]}
        same = await play.call("editMessageText", **place, text="one", reply_markup=STEP)
        assert same["description"].startswith("Bad Request: message is not modified: specified new")
        bare = await play.call("editMessageText", **place, text="one")
        assert "reply_markup" not in bare["result"], "an edit without a keyboard takes it away"
        theirs = await play.call("editMessageText", chat_id=person, message_id=1, text="mine now")
        assert theirs["description"] == "Bad Request: message can't be edited"
        caption = await play.call("editMessageCaption", **place, caption="x")
        assert caption["description"] == "Bad Request: there is no caption in the message to edit"
        gone = await play.call("deleteMessage", **place)
        assert gone["result"] is True


async def test_sizes_of_photos_and_captions() -> None:
    async with playing() as play:
        person = await play.ann()

        async def photo(data: bytes, caption: str = "") -> Any:
            answer = await play.http.post(
                f"/bot{BOT_ID}:AAE-a-bot-of-the-tests/sendPhoto",
                data={"chat_id": person, "caption": caption, "photo": "attach://p"},
                files={"p": ("p.png", data, "image/png")},
            )
            return answer.json()

        assert "IMAGE_PROCESS_FAILED" in (await photo(b"no picture"))["description"]
        assert "PHOTO_INVALID_DIMENSIONS" in (await photo(picture(2100, 100)))["description"]
        assert "PHOTO_INVALID_DIMENSIONS" in (await photo(picture(9000, 1001)))["description"]
        huge = picture() + b"\0" * (10 * 1024 * 1024)
        assert "too big for a photo" in (await photo(huge))["description"]
        assert "caption is too long" in (await photo(picture(), "x" * 1025))["description"]
        assert (await photo(picture(), "x" * 1024))["ok"] is True


async def test_who_may_be_written_to() -> None:
    async with playing() as play:
        person = await play.ann()
        stranger = (await play.do("people", first_name="Bob"))["id"]
        first = await play.call("sendMessage", chat_id=stranger, text="hello?")
        assert first["description"] == "Forbidden: bot can't initiate conversation with a user"
        await play.do("block", person=person, bot=BOT_ID)
        blocked = await play.call("sendMessage", chat_id=person, text="hello?")
        assert (blocked["error_code"], blocked["description"]) == (
            403,
            "Forbidden: bot was blocked by the user",
        )
        update = (await play.call("getUpdates"))["result"][-1]["my_chat_member"]
        assert update["new_chat_member"]["status"] == "kicked"
        await play.do("say", person=person, bot=BOT_ID, text="/start again")
        assert (await play.call("sendMessage", chat_id=person, text="welcome"))["ok"] is True


async def test_a_channel_takes_posts_only_of_administrators_who_may_post() -> None:
    async with playing() as play:
        owner = await play.ann()
        channel = (await play.do("chats", type="channel", title="News", owner=owner))["id"]

        async def post() -> Any:
            return await play.call("sendMessage", chat_id=channel, text="a post")

        assert (await post())["description"] == "Bad Request: chat not found"
        added = await play.do("members", chat=channel, account=BOT_ID)
        assert added["member"]["can_post_messages"] is True
        sent = (await post())["result"]
        assert sent["sender_chat"]["id"] == channel < -1_000_000_000_000
        await play.do("members", chat=channel, account=BOT_ID, rights=["can_manage_chat"])
        refused = await post()
        assert (
            refused["description"] == "Bad Request: need administrator rights in the channel chat"
        )
        await play.do("members", chat=channel, account=BOT_ID, status="kicked", rights=[])
        assert (await post())["description"] == "Forbidden: bot was kicked from the channel chat"


async def test_administrators_are_shown_as_aiogram_reads_them() -> None:
    async with playing() as play:
        owner = await play.ann()
        channel = (await play.do("chats", type="channel", title="News", owner=owner))["id"]
        await play.do("members", chat=channel, account=BOT_ID)
        bot = play.bot()
        heads = await bot.get_chat_administrators(channel)
        assert [head.status for head in heads] == ["creator", "administrator"]
        me = await bot.get_chat_member(channel, BOT_ID)
        assert me.status == "administrator"
        assert (await bot.get_chat(channel)).title == "News"
        assert await bot.get_chat_member_count(channel) == 2
        updates = await bot.get_updates()
        assert updates[-1].my_chat_member is not None
        assert updates[-1].my_chat_member.from_user.id == owner
        assert await bot.leave_chat(channel) is True
        await bot.session.close()


async def test_a_group_that_moved_says_where() -> None:
    async with playing() as play:
        owner = await play.ann()
        group = (await play.do("chats", title="Friends", owner=owner))["id"]
        await play.do("members", chat=group, account=BOT_ID, status="member")
        new = (await play.do("migrate", person=owner, chat=group))["id"]
        moved = await play.call("sendMessage", chat_id=group, text="hello?")
        assert moved["description"] == "Bad Request: group chat was upgraded to a supergroup chat"
        assert moved["parameters"] == {"migrate_to_chat_id": new}
        assert (await play.call("sendMessage", chat_id=new, text="hello!"))["ok"] is True


@pytest.mark.parametrize(
    ("source", "mode", "text", "kinds"),
    [
        ("<b>a <i>😀</i></b>&amp;&lt;", "HTML", "a 😀&<", [("bold", 0, 4), ("italic", 2, 2)]),
        ("  <code> x </code>  ", "HTML", "x", [("code", 0, 1)]),
        ('<a href="javascript:x">a</a>', "HTML", "a", []),
        ("*b* _i_ __u__ ~s~ ||p||", "MarkdownV2", "b i u s p",
         [("bold", 0, 1), ("italic", 2, 1), ("underline", 4, 1), ("strikethrough", 6, 1), ("spoiler", 8, 1)]),
        ("```py\nx = 1```", "MarkdownV2", "x = 1", [("pre", 0, 5)]),
        (">a\n>b||\nc", "MarkdownV2", "a\nb\nc", [("expandable_blockquote", 0, 3)]),
        ("*b* [t](http://e.org)", "Markdown", "b t", [("bold", 0, 1), ("text_link", 2, 1)]),
        ("/go @somebody #tag", None, "/go @somebody #tag",
         [("bot_command", 0, 3), ("mention", 4, 9), ("hashtag", 14, 4)]),
    ],
)  # fmt: skip
def test_markup(
    source: str, mode: str | None, text: str, kinds: list[tuple[str, int, int]]
) -> None:
    ready = formatted(source, mode, None)
    found = [(one["type"], one["offset"], one["length"]) for one in ready.entities]
    assert (ready.text, found) == (text, kinds)


@pytest.mark.parametrize(
    ("source", "mode", "words"),
    [
        ("<b>x</i>", "HTML", 'Unmatched end tag at byte offset 4, expected "</b>", found "</i>"'),
        ("é</b>", "HTML", "Unexpected end tag at byte offset 2"),
        ("<x>", "HTML", 'Unsupported start tag "x" at byte offset 0'),
        ("a <", "HTML", "Unclosed start tag at byte offset 2"),
        ("*b", "MarkdownV2", "Can't find end of Bold entity at byte offset 0"),
        ("[x](y", "MarkdownV2", "Can't find end of a URL at byte offset 4"),
        ("a_b", "Markdown", "Can't find end of the entity starting at byte offset 1"),
    ],
)
def test_markup_that_cannot_be_read(source: str, mode: str, words: str) -> None:
    with pytest.raises(BotApiRefusal, match="Bad Request: can't parse entities") as refusal:
        formatted(source, mode, None)
    assert words in refusal.value.description


async def test_json_and_forms_mean_the_same() -> None:
    async with playing() as play:
        person = await play.ann()
        by_json = await play.call("sendMessage", chat_id=person, text="x", reply_markup=STEP)
        url = f"/bot{BOT_ID}:AAE-a-bot-of-the-tests/SENDMESSAGE"
        fields = {"chat_id": str(person), "text": "x", "reply_markup": json.dumps(STEP)}
        by_form = (await play.http.post(url, data=fields)).json()
        by_query = (await play.http.get(url, params=fields)).json()
        results = [one["result"] for one in (by_json, by_form, by_query)]
        assert {str(one["reply_markup"]) for one in results} == {str(STEP)}
        assert [one["message_id"] for one in results] == [2, 3, 4]


async def _sent(play: Play) -> list[str]:
    found = await play.http.get("/_sandbox/telegram/messages", params={"by_bots": True})
    return [one.get("text", "") for one in found.json()]


async def test_deletion_and_copies() -> None:
    async with playing() as play:
        person = await play.ann()
        for text in ("one", "two"):
            await play.call("sendMessage", chat_id=person, text=text)
        copy = await play.call("copyMessage", chat_id=person, from_chat_id=person, message_id=2)
        assert copy["result"] == {"message_id": 4}
        sent = await play.call("forwardMessage", chat_id=person, from_chat_id=person, message_id=3)
        assert sent["result"]["forward_origin"]["sender_user"]["id"] == BOT_ID
        await play.call("deleteMessages", chat_id=person, message_ids=[2, 3, 77])
        assert await _sent(play) == ["one", "two"]
