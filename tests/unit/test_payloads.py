"""A payload says the lowest version that can carry it, so that older workers take what they understand."""

from typing import Any
from uuid import UUID

import pytest
from pydantic import ValidationError

from schemas.jobs import Kind
from schemas.payloads import PICTURES_MAX, VERSION_OF_KIND, files_of, parse_payload
from schemas.results import TextImproved, parse_result

FILE = str(UUID(int=7))
OTHER = str(UUID(int=8))


@pytest.mark.parametrize(
    ("kind", "body", "version"),
    [
        (Kind.TEXT_IMPROVE, {"text": "a"}, 1),
        (Kind.TEXT_IMPROVE, {"text": "a", "file": FILE}, 2),
        (Kind.TEXT_IMPROVE, {"text": "a", "file": FILE, "more_files": [OTHER]}, 3),
        (Kind.TEXT_IMPROVE, {"text": "a", "style": "prompt"}, 3),
        (Kind.TEXT_GENERATE, {"prompt": "a"}, 1),
        (Kind.TEXT_GENERATE, {"prompt": "a", "chat": True}, 2),
        (Kind.POST_PUBLISH, {"channel": "1", "text": "a"}, 1),
        (Kind.POST_PUBLISH, {"channel": "1", "file": FILE}, 2),
        (Kind.POST_PUBLISH, {"channel": "1", "project": "ABC123", "file": FILE}, 2),
        (Kind.POST_PUBLISH, {"channel": "1", "file": FILE, "more_files": [OTHER]}, 3),
    ],
)
def test_the_lowest_version_that_can_say_it(kind: Kind, body: dict[str, Any], version: int) -> None:
    payload = parse_payload(kind, body)
    assert payload.version == version
    assert version <= VERSION_OF_KIND[kind]
    assert parse_payload(kind, payload.model_dump(exclude={"kind"})) == payload


def test_a_post_of_nothing_is_none() -> None:
    with pytest.raises(ValidationError, match="a post needs"):
        parse_payload(Kind.POST_PUBLISH, {"channel": "1"})


@pytest.mark.parametrize(
    ("kind", "body"),
    [(Kind.TEXT_IMPROVE, {"text": "a"}), (Kind.POST_PUBLISH, {"channel": "1", "text": "a"})],
)
def test_an_album_has_a_first_picture_and_is_not_mentioned_where_there_is_none(
    kind: Kind, body: dict[str, Any]
) -> None:
    assert "more_files" not in parse_payload(kind, {**body, "file": FILE}).model_dump_json()
    others = [str(UUID(int=number)) for number in range(8, 7 + PICTURES_MAX)]
    album = parse_payload(kind, {**body, "file": FILE, "more_files": others})
    assert [str(one) for one in files_of(album)] == [FILE, *others]
    assert parse_payload(kind, album.model_dump(mode="json", exclude={"kind"})) == album
    for wrong in ({"more_files": [OTHER]}, {"file": FILE, "more_files": [*others, OTHER]}):
        with pytest.raises(ValidationError):
            parse_payload(kind, {**body, **wrong})


def test_a_result_says_that_it_is_a_prompt_only_where_it_is_one() -> None:
    made: dict[str, Any] = {"provider": "local", "model": "m", "made_by": "us", "text": "a"}
    plain, prompt = TextImproved(**made), TextImproved(**made, prompt=True)
    assert "prompt" not in plain.model_dump_json()
    assert (plain.version, prompt.version) == (1, 2)
    assert [parse_result(one.model_dump_json()) for one in (plain, prompt)] == [plain, prompt]
