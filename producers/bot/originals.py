"""What a job was asked to do, opened again for its person: to repeat it, or for the pictures of its text."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from producers.bot.room import Room
from schemas.errors import Missing
from schemas.payloads import PAYLOADS, AnyPayload, TextImprove
from storage.crypto import PAYLOAD
from storage.overview import Overview


async def payload_of(room: Room, user_id: int, job_id: UUID) -> AnyPayload:
    """Raises Missing: not theirs, or its payload has been forgotten."""
    stored = await Overview(room.desk.db).stored_payload(job_id)
    if stored is None or stored.sealed is None or stored.user_id != user_id:
        raise Missing("not_found")
    key = await room.desk.keys.of(user_id)
    return PAYLOADS.validate_json(key.decrypt(stored.sealed, purpose=PAYLOAD))


async def pictures_of(room: Room, user_id: int, job_id: UUID) -> tuple[UUID, ...]:
    """The pictures that the text of this job belongs to; none when it has none, or is forgotten."""
    try:
        payload = await payload_of(room, user_id, job_id)
    except Missing:
        return ()
    return payload.files if isinstance(payload, TextImprove) else ()


def named(pictures: Sequence[UUID | str]) -> dict[str, Any]:
    """These pictures as a text or a post names them."""
    first, *others = map(str, pictures) if pictures else ("",)
    told: dict[str, Any] = {"file": first} if first else {}
    return {**told, "more_files": others} if others else told
