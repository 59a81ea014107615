"""Encryption at rest: what opens, and all that must not."""

import secrets

import pytest

from schemas.errors import ConfigError
from storage.crypto import CONTENT, PAYLOAD, RESULT, DataKey, MasterKeys, Unreadable


def a_key(user_id: int = 7, version: int = 1, *, seed: bytes = b"k" * 32) -> DataKey:
    return DataKey.of(user_id, seed, version=version)


@pytest.mark.parametrize("data", [b"", b"x", b"hello" * 1000, secrets.token_bytes(100_000)])
def test_what_was_sealed_opens(data: bytes) -> None:
    key = a_key()
    sealed = key.encrypt(data, purpose=PAYLOAD)
    assert key.decrypt(sealed, purpose=PAYLOAD) == data
    assert len(data) < 8 or data not in sealed  # a byte or two stand in anything by chance


def test_the_same_text_never_looks_the_same() -> None:
    key = a_key()
    assert len({key.encrypt(b"same", purpose=PAYLOAD) for _ in range(100)}) == 100


@pytest.mark.parametrize(
    "thief",
    [
        pytest.param(a_key(user_id=8), id="another person with the same key"),
        pytest.param(a_key(version=2), id="another version"),
        pytest.param(a_key(seed=b"o" * 32), id="another key"),
    ],
)
def test_a_value_opens_only_for_its_person_and_version(thief: DataKey) -> None:
    sealed = a_key().encrypt(b"secret", purpose=CONTENT)
    with pytest.raises(Unreadable):
        thief.decrypt(sealed, purpose=CONTENT)


def test_a_value_moved_to_another_column_does_not_open() -> None:
    key = a_key()
    with pytest.raises(Unreadable):
        key.decrypt(key.encrypt(b"secret", purpose=PAYLOAD), purpose=RESULT)


def test_every_changed_bit_is_noticed() -> None:
    key = a_key()
    sealed = key.encrypt(b"secret", purpose=PAYLOAD)
    for place in range(len(sealed)):
        broken = bytearray(sealed)
        broken[place] ^= 1
        with pytest.raises(Unreadable):
            key.decrypt(bytes(broken), purpose=PAYLOAD)


@pytest.mark.parametrize("length", [0, 1, 11, 12, 27])
def test_bytes_too_short_to_be_sealed_are_unreadable(length: int) -> None:
    with pytest.raises(Unreadable):
        a_key().decrypt(b"x" * length, purpose=PAYLOAD)


def test_a_wrapped_key_opens_for_its_person_only() -> None:
    master = MasterKeys(b"m" * 32)
    wrapped = master.wrap(b"d" * 32, user_id=7)
    assert master.unwrap(wrapped, user_id=7) == b"d" * 32
    assert b"d" * 32 not in wrapped
    with pytest.raises(Unreadable):
        master.unwrap(wrapped, user_id=8)


def test_a_new_master_key_opens_what_the_old_one_wrapped_and_wraps_with_itself() -> None:
    old = MasterKeys(b"1" * 32)
    wrapped = old.wrap(b"d" * 32, user_id=7)
    rotated = MasterKeys(b"2" * 32, older=[b"1" * 32])
    assert rotated.unwrap(wrapped, user_id=7) == b"d" * 32
    assert not rotated.is_current(wrapped)
    again = rotated.wrap(rotated.unwrap(wrapped, user_id=7), user_id=7)
    assert rotated.is_current(again)
    assert MasterKeys(b"2" * 32).unwrap(again, user_id=7) == b"d" * 32


def test_a_wrong_master_key_is_a_wrong_setting() -> None:
    wrapped = MasterKeys(b"1" * 32).wrap(b"d" * 32, user_id=7)
    with pytest.raises(ConfigError, match="LEYDEN_MASTER_KEY"):
        MasterKeys(b"2" * 32).unwrap(wrapped, user_id=7)


def test_a_key_does_not_show_itself() -> None:
    assert "kkkk" not in repr(a_key())


def test_a_mark_stands_for_one_name_under_one_master_key() -> None:
    old, new = b"o" * 32, b"n" * 32
    (mark,) = MasterKeys(old).marks("telegram", "4711")
    assert len(mark) == 32
    names = (("telegram", "4712"), ("dev", "4711"), ("telegram4", "711"))
    assert mark not in {one for name in names for one in MasterKeys(old).marks(*name)}
    assert mark not in MasterKeys(new).marks("telegram", "4711")
    both = MasterKeys(new, older=[old]).marks("telegram", "4711")
    assert both == [*MasterKeys(new).marks("telegram", "4711"), mark]
