"""A press fits into 64 bytes, comes back as it was, and a forged one is refused."""

from contextlib import suppress
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.buttons import (
    CANCEL,
    DATA_MAX_BYTES,
    DROP,
    RETRY,
    RUN,
    UNCERTAIN_NO,
    Press,
    Rows,
    cancel_keyboard,
    job_of,
    pack,
    ref_of,
    result_keyboard,
    retry_keyboard,
    uncertain_keyboard,
    unpack,
)
from schemas.errors import InvalidInput
from schemas.ids import new_id
from schemas.jobs import Kind
from schemas.texts import languages

REFS = st.text("abcXYZ019-_", max_size=22)


@given(st.sampled_from(["again", "shop-buy", RUN, DROP]), REFS, st.text(max_size=12))
def test_a_press_comes_back_as_it_was(action: str, ref: str, arg: str) -> None:
    press = Press(action, ref, arg)
    try:
        data = pack(press)
    except InvalidInput:
        assert len(f"{action}:{ref}:{arg}".encode()) > DATA_MAX_BYTES
        return
    assert 1 <= len(data.encode()) <= DATA_MAX_BYTES
    assert unpack(data) == press


@given(st.text(max_size=80))
def test_what_is_unpacked_is_what_would_be_packed(data: str) -> None:
    with suppress(InvalidInput):
        assert pack(unpack(data)) == data


@given(st.uuids())
def test_an_id_is_22_characters(job_id: UUID) -> None:
    assert len(ref_of(job_id)) == 22
    assert job_of(ref_of(job_id)) == job_id
    assert unpack(pack(Press("again", ref_of(job_id), "2"))).job_id == job_id


@pytest.mark.parametrize(
    "data", ["", ":", "Again", "again:", "again::", "again:a b", "again:ä", "a" * 65, "1up:x"]
)
def test_a_forged_press_is_refused(data: str) -> None:
    with pytest.raises(InvalidInput):
        unpack(data)


@pytest.mark.parametrize(
    "ref", ["", "A", "A" * 21, "A" * 23, "A" * 21 + "B", "!" * 22, "A" * 22 + "=="]
)
def test_only_one_spelling_names_a_job(ref: str) -> None:
    with pytest.raises(InvalidInput):
        job_of(ref)


@pytest.mark.parametrize(
    "press", [Press(""), Press("Again"), Press("again", "a:b"), Press("a", "x", "y" * 64)]
)
def test_what_cannot_be_packed(press: Press) -> None:
    with pytest.raises(InvalidInput):
        pack(press)


@pytest.mark.parametrize("language", languages())
@pytest.mark.parametrize("kind", Kind)
def test_every_kind_has_its_buttons_in_every_language(kind: Kind, language: str) -> None:
    job_id = new_id()
    check(result_keyboard(kind, job_id, language), job_id)


@pytest.mark.parametrize("language", languages())
def test_the_other_keyboards(language: str) -> None:
    job_id = new_id()
    rows = cancel_keyboard(job_id, language), retry_keyboard(job_id, language)
    for one in (*rows, uncertain_keyboard(job_id, language)):
        check(one, job_id)
    actions = [unpack(data).action for keyboard in rows for row in keyboard for _, data in row]
    assert actions == [CANCEL, RETRY]
    assert unpack(uncertain_keyboard(job_id, language)[0][1][1]).action == UNCERTAIN_NO


def test_a_price_stands_on_the_button() -> None:
    rows = result_keyboard(Kind.IMAGE_GENERATE, new_id(), "en", prices={"vary": 20_000})
    labels = [label for row in rows for label, _ in row]
    assert [label for label in labels if "·" in label] == ["🎲 Variation · 2 credits"]
    assert retry_keyboard(new_id(), "ru", price_units=10_000)[0][0][0].endswith("· 1 кредит")


def check(rows: Rows, job_id: UUID) -> None:
    data = [data for row in rows for _, data in row]
    assert len(set(data)) == len(data)
    assert all(unpack(one).job_id == job_id for one in data)
    assert all(label.strip() for row in rows for label, _ in row)
