"""A payload says the lowest version that can carry it, so that older workers take what they understand."""

from typing import Any
from uuid import UUID

import pytest
from pydantic import ValidationError

from schemas.jobs import Kind
from schemas.payloads import VERSION_OF_KIND, parse_payload

FILE = str(UUID(int=7))


@pytest.mark.parametrize(
    ("kind", "body", "version"),
    [
        (Kind.TEXT_IMPROVE, {"text": "a"}, 1),
        (Kind.TEXT_IMPROVE, {"text": "a", "file": FILE}, 2),
        (Kind.TEXT_GENERATE, {"prompt": "a"}, 1),
        (Kind.TEXT_GENERATE, {"prompt": "a", "chat": True}, 2),
        (Kind.POST_PUBLISH, {"channel": "1", "text": "a"}, 1),
        (Kind.POST_PUBLISH, {"channel": "1", "file": FILE}, 2),
        (Kind.POST_PUBLISH, {"channel": "1", "project": "ABC123", "file": FILE}, 2),
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
