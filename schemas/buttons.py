"""Buttons under messages: what a press says in at most 64 bytes, and which buttons a result gets.

A button holds names, never content: an action, what it is about (`ref`), and one more word (`arg`).
The rest is looked up when it is pressed, in the name of the person who pressed it.
"""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from schemas.errors import InvalidInput
from schemas.jobs import Kind
from schemas.texts import Language, text

DATA_MAX_BYTES: Final = 64
"""What Telegram lets a button carry (core.telegram.org/bots/api, InlineKeyboardButton)."""

AGAIN: Final = "again"
VARY: Final = "vary"
UPSCALE: Final = "upscale"
EDIT: Final = "edit"
ANIMATE: Final = "animate"
SAVE: Final = "save"
POST: Final = "post"
DELETE: Final = "delete"
RETRY: Final = "retry"
CANCEL: Final = "cancel"
RUN: Final = "run"
DROP: Final = "drop"
UNCERTAIN_YES: Final = "uncertain-yes"
UNCERTAIN_NO: Final = "uncertain-no"
APPEAL: Final = "appeal"

Rows = tuple[tuple[tuple[str, str], ...], ...]
"""Rows of buttons, each a label and its data."""

_KEEP: Final = (POST, SAVE, DELETE)
_PICTURE: Final = ((AGAIN, VARY), (UPSCALE, EDIT), (ANIMATE,), _KEEP)
_OF_KIND: Final[Mapping[Kind, tuple[tuple[str, ...], ...]]] = {
    Kind.TEXT_GENERATE: ((AGAIN, EDIT), _KEEP),
    Kind.TEXT_IMPROVE: ((AGAIN, EDIT), _KEEP),
    Kind.FILE_PROCESS: ((AGAIN,), (SAVE, DELETE)),
    Kind.IMAGE_GENERATE: _PICTURE,
    Kind.IMAGE_EDIT: _PICTURE,
    Kind.IMAGE_ANALYZE: ((AGAIN,), _KEEP),
    Kind.VIDEO_GENERATE: ((AGAIN,), _KEEP),
    Kind.POST_PUBLISH: (),
}
_ACTION: Final = re.compile(r"[a-z][a-z0-9-]{0,23}")
_REF: Final = re.compile(r"[A-Za-z0-9_-]*")
_JOB_REF_LENGTH: Final = 22


@dataclass(frozen=True, slots=True)
class Press:
    """`ref` is an id (letters, digits, `-`, `_`); `arg` any short text."""

    action: str
    ref: str = ""
    arg: str = ""

    @property
    def job_id(self) -> UUID:
        """The job, or any other UUID, that `ref` names. Raises InvalidInput."""
        return job_of(self.ref)


def pack(press: Press) -> str:
    """`action:ref:arg` without an empty end. Raises InvalidInput for more than 64 bytes."""
    if not _ACTION.fullmatch(press.action) or not _REF.fullmatch(press.ref):
        raise InvalidInput(problem="a button that cannot be written")
    data = f"{press.action}:{press.ref}:{press.arg}"
    if not press.arg:
        data = data.rstrip(":")
    if len(data.encode()) > DATA_MAX_BYTES:
        raise InvalidInput(problem="a button that is too long")
    return data


def unpack(data: str) -> Press:
    """What `pack` wrote. Raises InvalidInput for anything else: an old or a forged button."""
    action, _, rest = data.partition(":")
    ref, _, arg = rest.partition(":")
    press = Press(action, ref, arg)
    if pack(press) != data:
        raise InvalidInput(problem="a button that we did not make")
    return press


def ref_of(job_id: UUID) -> str:
    """22 characters for a UUID."""
    return urlsafe_b64encode(job_id.bytes).rstrip(b"=").decode()


def job_of(ref: str) -> UUID:
    """The UUID of 22 characters. Raises InvalidInput."""
    try:
        job_id = UUID(bytes=urlsafe_b64decode(f"{ref}==")) if len(ref) == _JOB_REF_LENGTH else None
    except (ValueError, NotBase64):
        job_id = None
    # The last character has four bits to spare: only one spelling of an id is ours.
    if job_id is None or ref_of(job_id) != ref:
        raise InvalidInput(problem="a button that names no job")
    return job_id


def button(
    action: str, job_id: UUID, language: Language, *, arg: str = "", price_units: int | None = None
) -> tuple[str, str]:
    """A label (text `button.<action>`, with the price where one is given) and its data."""
    label = text(f"button.{action}", language)
    if price_units is not None:
        label = text("button.priced", language, label=label, price_units=price_units)
    return label, pack(Press(action, ref_of(job_id), arg))


def result_keyboard(
    kind: Kind, job_id: UUID, language: Language, *, prices: Mapping[str, int] | None = None
) -> Rows:
    """What can be done with a result. `prices`: action -> units, shown on its button."""
    return tuple(
        tuple(
            button(action, job_id, language, price_units=(prices or {}).get(action))
            for action in row
        )
        for row in _OF_KIND[kind]
    )


def cancel_keyboard(job_id: UUID, language: Language) -> Rows:
    """Under the card of a job that has not ended."""
    return ((button(CANCEL, job_id, language),),)


def retry_keyboard(job_id: UUID, language: Language, *, price_units: int | None = None) -> Rows:
    """Under the card of a job that failed."""
    return ((button(RETRY, job_id, language, price_units=price_units),),)


def rerun_keyboard(job_id: UUID, language: Language, *, price_units: int | None = None) -> Rows:
    """Under the card of a job that its person has cancelled."""
    label = text("button.rerun", language)
    if price_units is not None:
        label = text("button.priced", language, label=label, price_units=price_units)
    return (((label, pack(Press(RETRY, ref_of(job_id)))),),)


def appeal_keyboard(job_id: UUID, language: Language) -> Rows:
    """Under the card of a job whose content was not allowed: the same again would not be, either."""
    return ((button(APPEAL, job_id, language),),)


def uncertain_keyboard(delivery_id: UUID, language: Language) -> Rows:
    """Is the post in the channel? Only its owner can see."""
    yes = button(UNCERTAIN_YES, delivery_id, language)
    return ((yes, button(UNCERTAIN_NO, delivery_id, language)),)
