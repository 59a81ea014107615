"""The `kie` adapter: every picture and film is a task, whatever family its model belongs to."""

from collections.abc import Awaitable, Callable
from typing import Final

from schemas.errors import Permanent
from workers.providers import wire_words as words
from workers.providers.download import Downloads, LinkRefused
from workers.providers.kie.client import KieClient
from workers.providers.kie.families import family_of
from workers.providers.kie.forms import Form, form_of
from workers.providers.port import (
    Adapter,
    Call,
    EditImage,
    GenerateImage,
    GenerateVideo,
    ImageAnswer,
    Sighting,
    Tools,
    VideoAnswer,
)
from workers.providers.wire import MIB, Account, Json, left_s
from workers.providers.wire_deal import ask as ask_free
from workers.providers.wire_deal import follow
from workers.providers.wire_faults import NotSold
from workers.providers.wire_made import Bought, Counter
from workers.providers.wire_media import Size, Studio, nearest_ratio, size_after
from workers.providers.wire_pixels import Picture
from workers.providers.wire_tasks import Record, Schedule, Task, pursue, sighting

HOUSE: Final = "kie.ai"
HOSTS: Final = ("kie.ai", "aiquickdraw.com", "redpandaai.co")
CREATE_MAX_S: Final = 60.0
POLL_MAX_S: Final = 20.0
FETCH_MAX_S: Final = 300.0
IMAGE_MAX_BYTES: Final = 32 * MIB
FILM_MAX_BYTES: Final = 100 * MIB
SIDE_OF_1K: Final = 1_024
FRAMES: Final[dict[str, Size]] = {"16:9": (1280, 720), "9:16": (720, 1280), "1:1": (720, 720)}

_STEPS: Final = ((30.0, 3.0), (120.0, 8.0), (float("inf"), 20.0))
"""2 to 3 s in the first half minute, 5 to 10 s to two minutes, then 15 to 30 s, up to 15 minutes
(docs.kie.ai, Get Task Details)."""
IMAGE_SCHEDULE: Final = Schedule(first_s=3.0, steps=_STEPS, patience_s=900.0)
FILM_SCHEDULE: Final = Schedule(first_s=15.0, steps=_STEPS, patience_s=900.0)
_RENEWABLE: Final = frozenset({"expired", "unknown_host"})

Prepare = Callable[[Form], Awaitable[Json]]


def build(tools: Tools, account: Account) -> Adapter:
    """Everything this provider offers. Connects when it is first asked."""
    client = KieClient(account)
    downloads = Downloads(home=account.base_url, hosts=HOSTS)
    desk, studio = Desk(client, downloads), Studio(tools)

    async def close() -> None:
        await client.close()
        await downloads.close()

    return Adapter(
        image=KieImage(desk, studio), video=KieVideo(desk, studio), tasks=desk, close=close
    )


class Desk:
    """Where tasks are ordered and asked about."""

    def __init__(self, client: KieClient, downloads: Downloads) -> None:
        self._client = client
        self._downloads = downloads

    async def pursue(
        self, prepare: Prepare, call: Call, *, schedule: Schedule, size_max_bytes: int
    ) -> Bought:
        """The files of a task whose fields `prepare` gives, if it has to be ordered yet."""
        model, endpoints = call.model.model, family_of(call.model)
        body: Json = {}
        if call.journal.remote_ref is None:
            if call.last_look:
                raise Permanent("overdue")
            body = endpoints.body(model, await prepare(form_of(model)))
            if call.journal.callback_url is not None:
                body["callBackUrl"] = call.journal.callback_url
        wait_s = left_s(call, most=FETCH_MAX_S)

        async def order() -> str:
            return await self._client.create(
                endpoints.create, body, model=call.model.name, wait_s=min(wait_s, CREATE_MAX_S)
            )

        async def read(ref: str) -> Record | None:
            return await self._read(ref, call)

        async def fetch(url: str) -> bytes:
            return await self._fetch(url, call, size_max_bytes=size_max_bytes, wait_s=wait_s)

        return await pursue(Task(order, read, fetch, schedule), call)

    async def upload(self, picture: Picture, call: Call) -> str:
        """Free: nothing is lost when it fails."""
        wait_s = left_s(call, most=CREATE_MAX_S)
        return await ask_free(
            lambda: self._client.upload(picture, model=call.model.name, wait_s=wait_s)
        )

    async def look(self, remote_ref: str, call: Call) -> Sighting | None:
        return sighting(remote_ref, await follow(lambda: self._read(remote_ref, call)))

    async def _read(self, ref: str, call: Call) -> Record | None:
        endpoints = family_of(call.model)
        wait_s = left_s(call, most=POLL_MAX_S)
        data = await self._client.record(
            endpoints.record, ref, model=call.model.name, wait_s=wait_s
        )
        return None if data is None else endpoints.read(data)

    async def _fetch(self, url: str, call: Call, *, size_max_bytes: int, wait_s: float) -> bytes:
        """By another link when this one is good no more, or leads where we do not know our way."""
        try:
            return await self._downloads.fetch(url, size_max_bytes=size_max_bytes, wait_s=wait_s)
        except LinkRefused as refused:
            if refused.reason not in _RENEWABLE:
                raise
            link = await self._renewed(url, call, refused)
        return await self._downloads.fetch(link, size_max_bytes=size_max_bytes, wait_s=wait_s)

    async def _renewed(self, url: str, call: Call, refused: LinkRefused) -> str:
        wait_s = left_s(call, most=POLL_MAX_S)
        try:
            return await self._client.fresh_link(url, model=call.model.name, wait_s=wait_s)
        except NotSold as no:
            if no.fault.retryable:
                raise
            raise refused from no


class KieImage:
    def __init__(self, desk: Desk, studio: Studio) -> None:
        self._desk = desk
        self._studio = studio
        self._counter = Counter(studio, house=HOUSE)

    async def generate(self, ask: GenerateImage, call: Call) -> ImageAnswer:
        """A seed has no meaning here."""
        size = (ask.width, ask.height)

        async def prepare(form: Form) -> Json:
            return fields_of(form, prompt=ask.prompt, size=size)

        bought = await self._pursue(prepare, call)
        return await self._counter.pictures(bought, call, size=size, prompt=ask.prompt)

    async def edit(self, ask: EditImage, call: Call) -> ImageAnswer:
        """Raises also Permanent `invalid_input` for a mask, or more pictures than the model takes."""
        if ask.mask is not None:
            raise Permanent("invalid_input", problem="this model takes no mask")
        instruction = words.to_edit(ask)

        async def prepare(form: Form) -> Json:
            sent = await self._studio.to_send(ask.picture, call)
            size = size_after((sent.width, sent.height), ask.operations)
            if 1 + len(ask.references) > (call.model.refs_max or 1):
                raise Permanent("invalid_input", problem="more pictures than this model takes")
            more = [await self._studio.to_send(each, call) for each in ask.references]
            urls = [await self._desk.upload(each, call) for each in (sent, *more)]
            fields = fields_of(form, prompt=instruction, size=size)
            return fields | pictures_of(form, call, urls)

        bought = await self._pursue(prepare, call)
        # What needs no words is a tool that decides about the size itself.
        kept = await self._size(ask, call) if form_of(call.model.model).takes_prompt else None
        return await self._counter.pictures(bought, call, size=kept, prompt=instruction)

    async def _size(self, ask: EditImage, call: Call) -> Size | None:
        """What the change should measure; None when its picture is gone or cannot be opened now."""
        if not ask.picture:
            return None
        try:
            sent = await self._studio.to_send(ask.picture, call)
        except Permanent:
            return None
        return size_after((sent.width, sent.height), ask.operations)

    async def _pursue(self, prepare: Prepare, call: Call) -> Bought:
        return await self._desk.pursue(
            prepare, call, schedule=IMAGE_SCHEDULE, size_max_bytes=IMAGE_MAX_BYTES
        )


class KieVideo:
    def __init__(self, desk: Desk, studio: Studio) -> None:
        self._desk = desk
        self._studio = studio
        self._counter = Counter(studio, house=HOUSE)

    async def generate(self, ask: GenerateVideo, call: Call) -> VideoAnswer:
        """Raises also Permanent `invalid_input` for a picture where the model takes none."""

        async def prepare(form: Form) -> Json:
            ratio, shown = form.ratios[0], Json()
            if ask.picture is not None:
                seen = await self._studio.to_send(ask.picture, call)
                ratio = nearest_ratio((seen.width, seen.height), form.ratios)
                frame = await self._studio.still(ask.picture, FRAMES[ratio], call)
                shown = pictures_of(form, call, [await self._desk.upload(frame, call)])
            fields = fields_of(form, prompt=ask.prompt or words.STILL_LIFE, size=FRAMES[ratio])
            if form.length is not None:
                fields["duration"] = form.length(call.model.seconds_for(ask.seconds))
            return fields | shown

        bought = await self._desk.pursue(
            prepare, call, schedule=FILM_SCHEDULE, size_max_bytes=FILM_MAX_BYTES
        )
        return await self._counter.films(bought, call)


def fields_of(form: Form, *, prompt: str, size: Size) -> Json:
    """The question in this model's words."""
    fields: Json = dict(form.extra)
    if form.takes_prompt:
        fields["prompt"] = prompt
    if form.ratio is not None:
        fields[form.ratio] = nearest_ratio(size, form.ratios)
    return {**fields, **(form.large if max(size) > SIDE_OF_1K else {})}


def pictures_of(form: Form, call: Call, urls: list[str]) -> Json:
    """The pictures that go with it, by their addresses. Raises Permanent `invalid_input`."""
    name = call.model.refs_field or form.pictures
    if name is None:
        raise Permanent("invalid_input", problem="this model takes no picture")
    return {name: urls if form.many else urls[0]}
