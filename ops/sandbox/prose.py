"""What a played language model writes: an honest echo, the same for the same question."""

import json
import re
from itertools import cycle
from typing import Final

ECHO_CHARACTERS: Final = 200
BYTES_PER_TOKEN: Final = 4
IMAGE_TOKENS: Final = 765
_WORDS: Final = re.compile(r"\S+\s*")
_FILLER: Final = "This sentence only fills the length that was asked for. "


def answer(*, model: str, prompt: str, images: list[str], digest: str) -> str:
    """`images` are descriptions of the pictures that came along."""
    asked = " ".join(prompt.split())
    shown = asked if len(asked) <= ECHO_CHARACTERS else asked[:ECHO_CHARACTERS] + "…"
    seen = f" It came with {len(images)} picture(s): {', '.join(images)}." if images else ""
    return (
        f"[sandbox] No model wrote this. {model} would have been asked: “{shown}”.{seen} "
        f"Request {digest[:12]}."
    )


def answer_json(*, model: str, prompt: str, images: list[str], digest: str) -> str:
    """The same as an object, for a question that insists on JSON."""
    echo = {"sandbox": True, "model": model, "asked": prompt[:ECHO_CHARACTERS]}
    return json.dumps({**echo, "pictures": images, "request": digest[:12]}, ensure_ascii=False)


def stretched(text: str, characters: int) -> str:
    """Exactly that many characters."""
    filler = cycle(_FILLER)
    return text[:characters] + "".join(next(filler) for _ in range(characters - len(text)))


def tokens_of(text: str) -> int:
    """A rough count that never depends on a vocabulary."""
    return -(-len(text.encode()) // BYTES_PER_TOKEN)


def cut_to(text: str, tokens: int) -> str:
    """The longest beginning of `text` that costs no more than `tokens`."""
    return text.encode()[: tokens * BYTES_PER_TOKEN].decode(errors="ignore")


def pieces(text: str) -> list[str]:
    """The text as a stream brings it: word by word."""
    return _WORDS.findall(text)
