"""Where answers go, and which bots speak: texts and settings, made and read."""

import pytest

from ops.base.settings import load_settings
from ops.base.telegram import account_named, bots_of, webhook_secret
from schemas.errors import ConfigError
from schemas.ids import new_id
from schemas.money import App
from schemas.targets import (
    ChannelTarget,
    InlineTarget,
    Target,
    TelegramTarget,
    draft_id_of,
    parse_target,
)

KEY = b"k" * 32


@pytest.mark.parametrize(
    ("target", "text"),
    [
        (TelegramTarget("viaizer", 12345, 678), "tg:viaizer:12345:678:p"),
        (TelegramTarget("viaizer", 12345), "tg:viaizer:12345:-:p"),
        (TelegramTarget("text_ai", -100123, 9, private=False), "tg:text_ai:-100123:9:g"),
        (InlineTarget("viaizer", "AgAAAB_x-1"), "tgi:viaizer:AgAAAB_x-1"),
        (ChannelTarget("text_ai", -100123), "tgc:text_ai:-100123"),
    ],
)
def test_a_target_is_written_and_read(target: Target, text: str) -> None:
    assert target.encode() == text
    assert parse_target(text) == target


def test_nobody_is_told_where_the_client_asks() -> None:
    assert parse_target("pull") is None


@pytest.mark.parametrize(
    "text",
    ["", "tg", "tg:viaizer:1:2:x", "tg:viaizer:one:2:p", "tg:Via izer:1:2:p", "tgi:viaizer:a b",
     "erased", "tgc:viaizer", "tg:viaizer:1:2:p:3"],
)  # fmt: skip
def test_anything_else_is_no_target(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parse_target(text)


def test_an_id_that_would_break_the_text_is_refused() -> None:
    with pytest.raises(ValueError, match="inline"):
        InlineTarget("viaizer", "a:b").encode()
    with pytest.raises(ValueError, match="bot"):
        TelegramTarget("a:b", 1).encode()


def test_a_draft_has_a_positive_number_of_31_bits() -> None:
    job_ids = [new_id() for _ in range(200)]
    numbers = {draft_id_of(job_id) for job_id in job_ids}
    assert all(0 < number < 2**31 for number in numbers)
    assert len(numbers) == 200
    assert draft_id_of(job_ids[0]) == draft_id_of(job_ids[0])


def test_two_bots_are_two_accounts() -> None:
    settings = load_settings(telegram_bots="viaizer:1:aaa, text_ai:2:bbb,")
    one, two = bots_of(settings)
    assert (one.name, one.token, one.bot_id) == ("viaizer", "1:aaa", 1)
    assert (two.name, two.features) == ("text_ai", frozenset({App.TEXT_AI}))
    assert "aaa" not in repr(one)
    assert bots_of(load_settings()) == ()


@pytest.mark.parametrize("told", ["viaizer:1:aaa,text_ai:1:aaa", "viaizer+text_ai:1:aaa"])
def test_one_token_named_twice_has_both_sets_of_features(told: str) -> None:
    accounts = bots_of(load_settings(telegram_bots=told))
    assert [account.features for account in accounts] == [{App.VIAIZER, App.TEXT_AI}]
    assert account_named(accounts, "text_ai") is accounts[0]
    assert account_named(accounts, "penora") is None


@pytest.mark.parametrize(
    "told",
    ["viaizer", "viaizer:secret", "nobody:1:aaa", "viaizer:1:aaa,viaizer:2:bbb",
     "viaizer:1:aaa,text_ai:1:bbb"],
)  # fmt: skip
def test_a_wrong_setting_is_named_without_its_secret(told: str) -> None:
    with pytest.raises(ConfigError) as caught:
        bots_of(load_settings(telegram_bots=told))
    assert "LEYDEN_TELEGRAM_BOTS" in str(caught.value)
    assert "secret" not in str(caught.value)
    assert "aaa" not in str(caught.value)


def test_the_secret_of_a_webhook_is_the_one_set_or_derived() -> None:
    settings = load_settings()
    assert webhook_secret(settings, KEY, 1) == webhook_secret(settings, KEY, 1)
    assert webhook_secret(settings, KEY, 1) != webhook_secret(settings, KEY, 2)
    told = load_settings(telegram_webhook_secret="s" * 20)
    assert webhook_secret(told, KEY, 1) == "s" * 20
    with pytest.raises(ConfigError, match="LEYDEN_TELEGRAM_WEBHOOK_SECRET"):
        load_settings(telegram_webhook_secret="not allowed!")
