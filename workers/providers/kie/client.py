"""kie.ai by HTTP: every answer is `{"code", "msg", "data"}`, and the code in the body is what counts."""

from typing import Any, Final
from uuid import uuid4

from workers.providers.wire import MIB, Account, Json, Loose, shaped
from workers.providers.wire_faults import Lost, Said, refusal
from workers.providers.wire_http import Answer, Http
from workers.providers.wire_pixels import Picture

ANSWER_MAX_BYTES: Final = MIB
UPLOAD_MAX_S: Final = 60.0
UPLOAD_FOLDER: Final = "leyden"
_OK: Final = 200
_NO_SUCH_TASK: Final = frozenset({404, 422})


class Envelope(Loose):
    code: int
    msg: str | None = None
    message: str | None = None
    data: Any = None


class KieClient:
    """One account. Every method raises NotSold, Lost."""

    def __init__(self, account: Account) -> None:
        self._http = Http(account, answer_max_bytes=ANSWER_MAX_BYTES)
        files = Account(account.upload_url or account.base_url, account.api_key)
        self._files = Http(files, answer_max_bytes=ANSWER_MAX_BYTES)

    async def create(self, path: str, body: Json, *, model: str, wait_s: float) -> str:
        """The id of a task that is queued from now on."""
        data = _data(await self._http.post(path, body, wait_s=wait_s), model=model)
        task_id = data.get("taskId") or data.get("task_id") if isinstance(data, dict) else None
        if not isinstance(task_id, str) or not task_id:
            raise Lost("no_task_id")
        return task_id

    async def record(self, path: str, task_id: str, *, model: str, wait_s: float) -> Json | None:
        """What it says about a task; None for one that it does not know."""
        answer = await self._http.get(path, wait_s=wait_s, taskId=task_id)
        if _code(answer) in _NO_SUCH_TASK:
            return None
        data = _data(answer, model=model)
        if not isinstance(data, dict):
            raise Lost("no_record")
        return data

    async def fresh_link(self, url: str, *, model: str, wait_s: float) -> str:
        """Another address for a result, good for 20 minutes."""
        answer = await self._http.post("/api/v1/common/download-url", {"url": url}, wait_s=wait_s)
        link = _data(answer, model=model)
        if not isinstance(link, str):
            raise Lost("no_link")
        return link

    async def upload(self, picture: Picture, *, model: str, wait_s: float) -> str:
        """Its address for a day. The ending of its name is what its type is taken from."""
        name = f"{uuid4().hex}-{picture.name}"
        answer = await self._files.post_file(
            "/api/file-stream-upload",
            (name, picture.data, picture.media_type),
            {"uploadPath": UPLOAD_FOLDER, "fileName": name},
            wait_s=min(wait_s, UPLOAD_MAX_S),
        )
        data = _data(answer, model=model)
        url = data.get("downloadUrl") or data.get("fileUrl") if isinstance(data, dict) else None
        if not isinstance(url, str) or not url:
            raise Lost("no_address")
        return url

    async def close(self) -> None:
        await self._http.close()
        await self._files.close()


def _code(answer: Answer) -> int | None:
    code = (answer.body or {}).get("code")
    return code if isinstance(code, int) else None


def _data(answer: Answer, *, model: str) -> Any:
    """What is inside. Raises NotSold, Lost."""
    if _code(answer) is None:
        if answer.status != _OK:
            said = Said(answer.status, headers=answer.headers, own=False)
            raise refusal(said, model=model)
        raise Lost("no_envelope")
    envelope = shaped(Envelope, answer.body)
    if envelope.code != _OK:
        told = envelope.msg or envelope.message or ""
        raise refusal(Said(envelope.code, "", told, answer.headers), model=model)
    return envelope.data
