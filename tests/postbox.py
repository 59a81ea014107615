"""Ended jobs whose answers are due at the sandbox's Telegram, and a post office that delivers them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

from ops.base.nursery import Nursery
from ops.base.settings import Settings
from schemas.catalogue import catalogue
from schemas.ids import derive_id, new_id
from schemas.jobs import LANE_OF_KIND, Kind, Priority, stream_number
from schemas.money import App
from schemas.payloads import PostPublish, TextImprove
from schemas.plans import plans
from schemas.results import AnyResult, Artifact, ImageGenerated, TextGenerated
from schemas.targets import TelegramTarget, draft_id_of
from storage.blobs import Blobs, artifact_key
from storage.cards import Cards
from storage.crypto import ARTIFACT, PAYLOAD, RESULT
from storage.deliveries import Deliveries
from storage.jobs import NewJob, Success
from storage.users import SignUp, Users
from tests.integration.sandbox_telegram import TOKEN, Play, picture
from tests.ring import CREDIT, MASTER_KEY, Ring
from tests.support import wait_until
from workers.delivery.office import PostOffice
from workers.mailroom import Mailroom
from workers.providers.registry import Providers
from workers.runtime.rounds import Stop

ON_ITS_WAY_S = 1.5
"""A request may take so long on a busy machine before it arrives."""
BOT = "viaizer"
LEASE_S = 30.0
KINDS = tuple(f"{kind}:1" for kind in Kind)


def with_bots(settings: Settings, url: str) -> Settings:
    """The same process with one bot at the sandbox."""
    told = {"telegram_bots": f"{BOT}:{TOKEN}", "telegram_base_url": url}
    return settings.model_validate(settings.model_dump() | told)


@dataclass(frozen=True)
class Person:
    user_id: int
    chat_id: int


@dataclass
class Postbox:
    ring: Ring
    play: Play

    @property
    def cards(self) -> Cards:
        return Cards(self.ring.db)

    @property
    def deliveries(self) -> Deliveries:
        return Deliveries(self.ring.db)

    @property
    def blobs(self) -> Blobs:
        return Blobs.open(str(self.ring.settings.blob_url))

    async def person(self) -> Person:
        """Somebody who talks to the bot and has money."""
        return await self.known(await self.play.ann())

    async def known(self, chat_id: int) -> Person:
        users = Users(self.ring.db, self.ring.keys, SignUp.of(plans(), waiting_max=10_000))
        user_id = (await users.ensure("telegram", str(chat_id))).user_id
        await self.ring.owner.execute(
            "update work.member set caps = array_fill(500::smallint, '{5}') where user_id = $1",
            user_id,
        )
        await self.ring.owner.execute(
            "select ledger.credit($1, $2, 1::smallint, $3, 'grant')",
            uuid4(),
            user_id,
            1_000 * CREDIT,
        )
        return Person(user_id, chat_id)

    async def submit(self, who: Person, *, kind: Kind, reply: str, **more: Any) -> UUID:
        key = await self.ring.keys.of(who.user_id)
        payload = more.pop("payload", None) or TextImprove(text="hello")
        job_id = new_id()
        answer = await self.ring.jobs.submit(
            NewJob(
                id=job_id,
                user_id=who.user_id,
                app=App.VIAIZER.number,
                kind=kind,
                version=1,
                stream=stream_number(LANE_OF_KIND[kind], Priority.NORMAL),
                key=str(job_id),
                body_hash=derive_id("x"),
                payload=key.encrypt(payload.model_dump_json().encode(), purpose=PAYLOAD),
                key_version=key.version,
                price_units=more.pop("price_units", CREDIT),
                price_version=1,
                spend_order=(1,),
                reply=reply,
                daily_limit=-1,
                limit_s=600,
                max_tries=5,
                trace="00-test",
                save=False,
                **more,
            )
        )
        assert answer.code == "ok", answer.code
        await self.ring.wake(answer)
        return job_id

    async def end(self, job_id: UUID, who: Person, result: AnyResult | str) -> None:
        """Succeed with this result, or fail with this code."""
        started = await self.ring.jobs.start(
            job_id, uuid4(), worker="w", lease_s=LEASE_S, kinds=KINDS
        )
        attempt = started.jobs[0].attempt
        if isinstance(result, str):
            assert (await self.ring.jobs.fail(job_id, attempt, result))[0] == "ok"
            return
        key = await self.ring.keys.of(who.user_id)
        sealed = key.encrypt(result.model_dump_json().encode(), purpose=RESULT)
        ended, _ = await self.ring.jobs.succeed(Success(job_id, attempt, sealed, 1, CREDIT))
        assert ended.code == "ok"

    async def ended(
        self,
        who: Person,
        result: AnyResult | str,
        *,
        chat_id: int | None = None,
        reply_to: int | None = None,
        card: bool = False,
    ) -> UUID:
        """A job of this person that has ended; its answer is due in a chat, at once."""
        chat = who.chat_id if chat_id is None else chat_id
        target = TelegramTarget(BOT, chat, reply_to, chat > 0)
        kind = Kind.TEXT_IMPROVE if isinstance(result, str) else result.kind
        job_id = await self.submit(who, kind=kind, reply=target.encode())
        if card:
            await self.card(job_id, chat)
        await self.end(job_id, who, result)
        if not card:
            await self.ring.owner.execute(
                "update work.job set created_at = created_at - interval '10 s' where id = $1",
                job_id,
            )
        return job_id

    async def card(self, job_id: UUID, chat_id: int, language: str = "en") -> int:
        sent = await self.play.call("sendMessage", chat_id=chat_id, text="Working…")
        message_id = int(sent["result"]["message_id"])
        draft_id = draft_id_of(job_id)
        assert await self.cards.add(job_id, BOT, chat_id, message_id, language, draft_id)
        return message_id

    async def image(self, who: Person, *pictures: bytes) -> ImageGenerated:
        """A result with these files in the store."""
        key, call_id = await self.ring.keys.of(who.user_id), new_id()
        artifacts = []
        for number, data in enumerate(pictures or (picture(),)):
            name = artifact_key(who.user_id, call_id, number)
            await self.blobs.put(name, key.encrypt(data, purpose=ARTIFACT))
            artifacts.append(_artifact(name, data))
        return ImageGenerated(
            provider="local",
            model="art",
            made_by="us",
            prompt_used="a jar",
            artifacts=tuple(artifacts),
        )

    async def post(self, who: Person, payload: PostPublish, **more: Any) -> UUID:
        reply = TelegramTarget(BOT, who.chat_id).encode()
        job_id = await self.submit(
            who, kind=Kind.POST_PUBLISH, reply=reply, payload=payload, price_units=0, **more
        )
        await self.ring.owner.execute(
            "update work.job set created_at = created_at - interval '10 s' where id = $1", job_id
        )
        return job_id

    @asynccontextmanager
    async def office(self) -> AsyncIterator[PostOffice]:
        """A courier at work until the block ends."""
        office = self.open_office()
        stop = Stop()
        async with Nursery("tests") as nursery:
            task = nursery.start_task(office.courier.run(stop), name="courier")
            try:
                yield office
            finally:
                stop.set()
                await asyncio.wait({task}, timeout=20)
                await office.close()

    def open_office(self) -> PostOffice:
        settings = with_bots(self.ring.settings, self.play.url)
        return PostOffice.open(
            settings,
            db=self.ring.db,
            queue=self.ring.queue,
            keys=self.ring.keys,
            blobs=self.blobs,
            providers=Providers(catalogue(), {}),
        )

    async def row(self, job_id: UUID, target: str = "tg%") -> dict[str, Any]:
        row = await self.ring.owner.fetchrow(
            "select * from work.delivery where job_id = $1 and target like $2 order by id desc",
            job_id,
            target,
        )
        assert row is not None
        return dict(row)

    async def wait_state(
        self, job_id: UUID, state: str = "sent", timeout_s: float = 20
    ) -> dict[str, Any]:
        async def there() -> bool:
            return bool((await self.row(job_id, "tg:%"))["state"] == state)

        await wait_until(there, timeout_s, f"the delivery is {state}")
        return await self.row(job_id, "tg:%")

    async def wait_all(self, timeout_s: float) -> None:
        async def none_left() -> bool:
            return (await self.deliveries.waiting()).number == 0

        await wait_until(none_left, timeout_s, "every delivery has ended")

    async def messages(self, chat_id: int, *, deleted: bool = False) -> list[dict[str, Any]]:
        """What our bot has written in a chat, oldest first."""
        where = {"chat": chat_id} if chat_id < 0 else {"person": chat_id, "bot": 4242}
        return await self.play.messages(**where, by_bots=True, deleted=deleted)

    async def calls(self, method: str = "") -> list[dict[str, Any]]:
        return await self.play.calls(method=method)

    async def too_early(self) -> list[dict[str, Any]]:
        """Calls that came in spite of a pause they could know of: not those that were on their way
        when it was told, nor any after a pause whose telling was lost.
        """
        told: dict[tuple[int, str], float] = {}
        found = []
        for call in await self.calls():
            place = call["bot"], call["chat_id"]
            heard = place in told and call["at"] > told[place] + ON_ITS_WAY_S
            if call["too_early"] and heard:
                found.append(call)
            if call["status"] == 429:
                told[place] = call["at"]
        return found

    def mailroom(self) -> Mailroom:
        settings = with_bots(self.ring.settings, self.play.url)
        return Mailroom(
            settings,
            master_key=MASTER_KEY,
            db=self.ring.db,
            queue=self.ring.queue,
            providers=Providers(catalogue(), {}),
        )


def words(text: str) -> TextGenerated:
    return TextGenerated(provider="local", model="script", made_by="us", text=text)


def _artifact(key: str, data: bytes) -> Artifact:
    from io import BytesIO

    from PIL import Image

    with Image.open(BytesIO(data)) as image:
        width, height = image.size
    return Artifact(
        key=key,
        name="picture.png",
        media_type="image/png",
        size_bytes=len(data),
        sha256="",
        width=width,
        height=height,
    )
