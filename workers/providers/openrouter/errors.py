"""Its errors: `{"error": {"code": 502, "message", "metadata"}}`, with that status or, once it has begun,
with 200.
"""

from workers.providers.wire import Json
from workers.providers.wire_faults import Lost, Said, refusal
from workers.providers.wire_http import Answer
from workers.providers.wire_sdk import said_in_200


def body_of(answer: Answer, *, model: str) -> Json:
    """The body of an answer that is none of its errors. Raises NotSold, Lost."""
    error = (answer.body or {}).get("error")
    if answer.status >= 400:  # noqa: PLR2004 (of HTTP)
        told = said_in_200(error, answer.headers)
        own = isinstance(error, dict)
        said = Said(answer.status, told.word, told.message, answer.headers, own=own)
        raise refusal(said, model=model)
    if isinstance(error, dict):
        raise refusal(said_in_200(error, answer.headers), model=model)
    if answer.body is None:
        raise Lost("not_json")
    return answer.body
