"""Moderation: flags what asks to be flagged, so that a test decides and no list of words does."""

import re
from typing import Any, Final
from uuid import uuid4

from ops.sandbox.refusals import Refusal

MODEL: Final = "omni-moderation-latest"
CATEGORIES: Final = (
    "harassment", "harassment/threatening", "hate", "hate/threatening", "illicit",
    "illicit/violent", "self-harm", "self-harm/intent", "self-harm/instructions", "sexual",
    "sexual/minors", "violence", "violence/graphic",
)  # fmt: skip
_MARK: Final = re.compile(r"\[flag:([a-z/-]+)\]")  # `[flag:violence]` in a text flags it
_HIGH: Final = 0.98
_LOW: Final = 0.0001


def judge(body: dict[str, Any]) -> dict[str, Any]:
    """One result for each text of a list, one for a list of parts. Raises Refusal 400, 404."""
    if body.get("model", MODEL) != MODEL:
        raise Refusal(404, "model_not_found", f"The model `{body['model']}` does not exist.")
    results = [_result(text) for text in _texts(body.get("input"))]
    return {"id": f"modr-{uuid4().hex}", "model": MODEL, "results": results}


def _texts(given: object) -> list[str]:
    if isinstance(given, str):
        return [given]
    if isinstance(given, list) and given:
        if all(isinstance(part, str) for part in given):
            return given
        if all(isinstance(part, dict) for part in given):
            return [" ".join(str(part.get("text", "")) for part in given)]
    message = "'input' must be a text, texts, or a list of parts."
    raise Refusal(400, "invalid_value", message, param="input")


def _result(text: str) -> dict[str, Any]:
    flagged = set(_MARK.findall(text)) & set(CATEGORIES)
    return {
        "flagged": bool(flagged),
        "categories": {name: name in flagged for name in CATEGORIES},
        "category_scores": {name: _HIGH if name in flagged else _LOW for name in CATEGORIES},
        "category_applied_input_types": {name: ["text"] for name in CATEGORIES},
    }
