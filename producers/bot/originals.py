"""What a job was asked to do, opened again for its person: to repeat it, or for the picture of its text."""

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


async def picture_of(room: Room, user_id: int, job_id: UUID) -> UUID | None:
    """The picture that the text of this job belongs to; None when it has none, or is forgotten."""
    try:
        payload = await payload_of(room, user_id, job_id)
    except Missing:
        return None
    return payload.file if isinstance(payload, TextImprove) else None
