"""What an uploaded file is, decided from its bytes: never from its name or a declared type.

The looking is done in a DECODE child (`storage.media` says how), because a file from a stranger may
make a decoder slow, hungry or crash.
"""

from ops.base.children import ChildDied, ChildOutOfMemory, Children, ChildTimeout
from schemas.errors import InvalidInput
from schemas.payloads import PAGES_MAX
from storage.media import ALLOWED, IMAGE_FORMATS, PAGE_CHARACTERS, PDF, TEXT, FileFacts, facts_of

__all__ = [
    "ALLOWED",
    "IMAGE_FORMATS",
    "PAGE_CHARACTERS",
    "PDF",
    "TEXT",
    "FileFacts",
    "inspect",
    "inspect_bytes",
]


async def inspect(children: Children, data: bytes) -> FileFacts:
    """Facts of `data`, found in a child with caps on memory and time.

    Raises InvalidInput: `wrong_file_type`, `media_too_heavy`, `file_unreadable`, `too_many_pages`.
    """
    try:
        return _bounded(await children.run(facts_of, data))
    except (ChildTimeout, ChildOutOfMemory) as error:
        raise InvalidInput("media_too_heavy", reason=error.code) from error
    except ChildDied as error:
        raise InvalidInput("file_unreadable", reason=error.code) from error


def inspect_bytes(data: bytes) -> FileFacts:
    """The same in this very process, for files of our own making. Raises as `inspect`."""
    return _bounded(facts_of(data))


def _bounded(facts: FileFacts) -> FileFacts:
    if facts.pages > PAGES_MAX:
        raise InvalidInput("too_many_pages", pages=facts.pages, limit=PAGES_MAX)
    return facts
