"""The classes of content that are not made, and how each is told to a person.

The names are those that OpenAI's moderation endpoint gives to its categories; our own rules use them too.
"""

from typing import Final

from schemas.texts import DEFAULT_LANGUAGE, Language, has, text

CLASSES: Final = (
    "harassment", "harassment/threatening", "hate", "hate/threatening", "illicit",
    "illicit/violent", "self-harm", "self-harm/intent", "self-harm/instructions", "sexual",
    "sexual/minors", "violence", "violence/graphic",
)  # fmt: skip
OTHER: Final = "other"
_KEY: Final = str.maketrans("/-", "__")


def blocked_text(class_: str, language: Language = DEFAULT_LANGUAGE) -> str:
    """One sentence: why. A class that we have no words for is told as harmful."""
    key = f"blocked.{class_.translate(_KEY)}"
    return text(key if has(key) else f"blocked.{OTHER}", language)
