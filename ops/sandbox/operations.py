"""Which provider a path belongs to and what kind of operation it is: the map of the sandbox."""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Provider(StrEnum):
    """Who is played. FILES is the host that the links to results point at."""

    OPENAI = "openai"
    OPENROUTER = "openrouter"
    KIE = "kie"
    FILES = "files"


class Operation(StrEnum):
    """What a request wants, as far as faults and limits care."""

    CHAT = "chat"
    IMAGE = "image"
    MODERATION = "moderation"
    TASK = "task"
    POLL = "poll"
    UPLOAD = "upload"
    FILE = "file"
    READ = "read"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a request has arrived."""

    provider: Provider
    operation: Operation


OPENAI_PREFIX: Final = "/openai/v1"
OPENROUTER_PREFIX: Final = "/openrouter/api/v1"
KIE_PREFIX: Final = "/kie"
FILES_PREFIX: Final = "/files"

_PREFIXES: Final = {
    "/openai/": Provider.OPENAI,
    "/openrouter/": Provider.OPENROUTER,
    "/kie/": Provider.KIE,
    "/files/": Provider.FILES,
}

_OPERATIONS: Final = tuple(
    (method, re.compile(pattern), operation)
    for method, pattern, operation in (
        ("GET", r"/files/.+", Operation.FILE),
        ("GET", r"/openrouter/api/v1/videos/[^/]+/content", Operation.FILE),
        ("GET", r"/openrouter/api/v1/videos/gen-[^/]+", Operation.POLL),
        ("GET", r"/kie/api/v1/jobs/recordInfo", Operation.POLL),
        ("GET", r"/kie/api/v1/(veo/record-info|runway/record-detail)", Operation.POLL),
        ("POST", r".*/chat/completions", Operation.CHAT),
        ("POST", r".*/images(/generations|/edits)?", Operation.IMAGE),
        ("POST", r".*/moderations", Operation.MODERATION),
        ("POST", r"/openrouter/api/v1/videos", Operation.TASK),
        ("POST", r"/kie/api/v1/(jobs/createTask|(veo|runway)/generate)", Operation.TASK),
        ("POST", r"/kie/api/file-[a-z0-9-]+-upload", Operation.UPLOAD),
    )
)


def place_of(method: str, path: str) -> Place | None:
    """None for what no provider has: the control pages, or a path nobody plays."""
    for prefix, provider in _PREFIXES.items():
        if path.startswith(prefix):
            return Place(provider, _operation(method, path))
    return None


def _operation(method: str, path: str) -> Operation:
    for known, pattern, operation in _OPERATIONS:
        if known == method and pattern.fullmatch(path):
            return operation
    return Operation.READ
