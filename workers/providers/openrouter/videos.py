"""Films by `POST /videos`: a task that is ordered, polled, and fetched with our key.

The addresses in its record are not used: the bytes are at `/videos/{id}/content`, which is the
account's own origin.
"""

import math
from typing import Any, Final
from urllib.parse import quote

from schemas.errors import Permanent
from workers.providers import wire_words as words
from workers.providers.download import Downloads
from workers.providers.openrouter.errors import body_of
from workers.providers.port import Call, GenerateVideo, Sighting, VideoAnswer
from workers.providers.wire import MIB, Account, Json, Loose, left_s, lenient, micros, shaped
from workers.providers.wire_deal import follow
from workers.providers.wire_faults import Lost
from workers.providers.wire_http import Http
from workers.providers.wire_made import Counter
from workers.providers.wire_media import Studio, data_url, nearest_ratio
from workers.providers.wire_tasks import Record, Schedule, Task, pursue, sighting

CREATE_MAX_S: Final = 60.0
POLL_MAX_S: Final = 20.0
FETCH_MAX_S: Final = 300.0
FILM_MAX_BYTES: Final = 100 * MIB
SCHEDULE: Final = Schedule(first_s=12.0, steps=((math.inf, 20.0),), patience_s=0.0)
"""Between two polls 10 to 30 s are asked for; a record does not say how old it is."""
FRAMES: Final = {"16:9": (1280, 720), "9:16": (720, 1280), "1:1": (720, 720)}
_NOT_FOUND: Final = 404
_DONE: Final = frozenset({"completed", "succeeded"})
_ENDED: Final = frozenset({"failed", "cancelled", "expired"})


class Used(Loose):
    cost: float | None = None


class Video(Loose):
    id: str = ""
    status: str = ""
    error: Any = None
    usage: Any = None


class OpenRouterVideo:
    def __init__(
        self, http: Http, downloads: Downloads, studio: Studio, *, account: Account, house: str
    ) -> None:
        self._http = http
        self._downloads = downloads
        self._studio = studio
        self._account = account
        self._counter = Counter(studio, house=house)

    async def generate(self, ask: GenerateVideo, call: Call) -> VideoAnswer:
        body: Json = {}
        wait_s = left_s(call, most=FETCH_MAX_S)
        if call.journal.remote_ref is None:
            if call.last_look:
                raise Permanent("overdue")
            body = await self._body(ask, call)

        async def order() -> str:
            answer = await self._http.post("/videos", body, wait_s=min(wait_s, CREATE_MAX_S))
            video = shaped(Video, body_of(answer, model=call.model.name))
            if not video.id:
                raise Lost("no_task_id")
            return video.id

        async def read(ref: str) -> Record | None:
            return await self._read(ref, call)

        async def fetch(url: str) -> bytes:
            return await self._downloads.fetch(
                url,
                size_max_bytes=FILM_MAX_BYTES,
                wait_s=wait_s,
                headers={"Authorization": f"Bearer {self._account.api_key}"},
            )

        bought = await pursue(Task(order, read, fetch, SCHEDULE), call)
        return await self._counter.films(bought, call)

    async def look(self, remote_ref: str, call: Call) -> Sighting | None:
        return sighting(remote_ref, await follow(lambda: self._read(remote_ref, call)))

    async def _body(self, ask: GenerateVideo, call: Call) -> Json:
        ratio, body = "16:9", Json()
        if ask.picture is not None:
            seen = await self._studio.to_send(ask.picture, call)
            ratio = nearest_ratio((seen.width, seen.height), tuple(FRAMES))
            frame = await self._studio.still(ask.picture, FRAMES[ratio], call)
            image = {"type": "image_url", "image_url": {"url": await data_url(frame)}}
            body["frame_images"] = [{**image, "frame_type": "first_frame"}]
        if call.journal.callback_url is not None:
            body["callback_url"] = call.journal.callback_url
        return {
            **body,
            "model": call.model.model,
            "prompt": ask.prompt or words.STILL_LIFE,
            "duration": call.model.seconds_for(ask.seconds),
            "resolution": "720p",
            "aspect_ratio": ratio,
        }

    async def _read(self, ref: str, call: Call) -> Record | None:
        """None for a task that it does not know. Raises NotSold, Lost."""
        wait_s = left_s(call, most=POLL_MAX_S)
        answer = await self._http.get(f"/videos/{quote(ref, safe='')}", wait_s=wait_s)
        if answer.status == _NOT_FOUND:
            return None
        if answer.body is not None and "status" in answer.body:  # a failed task has an `error` too
            return self._record(ref, shaped(Video, answer.body))
        body_of(answer, model=call.model.name)
        raise Lost("no_status")

    def _record(self, ref: str, video: Video) -> Record:
        cost = micros(lenient(Used, video.usage).cost)
        if video.status in _DONE:
            link = f"{self._account.base_url}/videos/{quote(ref, safe='')}/content?index=0"
            return Record("done", (link,), cost_usd_micros=cost)
        if video.status in _ENDED:
            return Record("failed", told=str(video.error or ""), cost_usd_micros=cost)
        return Record("running")
