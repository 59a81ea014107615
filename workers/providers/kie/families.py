"""The families of kie.ai's endpoints as one table: where a task is created, where it is looked up, and
how its record is read. A record that makes no sense is read as one without links.
"""

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from ops.base.clock import unix_s
from schemas.errors import Permanent
from schemas.models import Model
from workers.providers.wire import Json, micros
from workers.providers.wire_tasks import Record

USD_PER_CREDIT: Final = 0.005
_JOB_PHASES: Final = {"success": "done", "fail": "failed", "failed": "failed"}
_VEO_DONE: Final = 1
_VEO_RUNNING: Final = 0


@dataclass(frozen=True, slots=True)
class Endpoints:
    """`body` puts a model's name and its fields together."""

    create: str
    record: str
    read: Callable[[Json], Record]
    body: Callable[[str, Json], Json]


def _wrapped(model: str, fields: Json) -> Json:
    return {"model": model, "input": fields}


def _beside(model: str, fields: Json) -> Json:
    return {"model": model, **fields}


def _alone(_model: str, fields: Json) -> Json:
    return fields


def read_job(data: Json) -> Record:
    """Unified jobs: `state`, and `resultJson`, which is JSON inside a string."""
    state = str(data.get("state", ""))
    links: tuple[str, ...] = ()
    if state == "success":
        links = _links(_inner(data.get("resultJson")).get("resultUrls"))
    return _record(
        data, _JOB_PHASES.get(state, "running"), links=links,
        code=data.get("failCode"), told=data.get("failMsg"), param=data.get("param"),
        moving=state == "generating",
    )  # fmt: skip


def read_veo(data: Json) -> Record:
    """Veo: `successFlag` 0 running, 1 done, 2 and 3 failed."""
    flag = data.get("successFlag")
    phase = "done" if flag == _VEO_DONE else "running" if flag in (_VEO_RUNNING, None) else "failed"
    links = _links(_inner(data.get("response")).get("resultUrls")) if phase == "done" else ()
    return _record(
        data, phase, links=links, code=data.get("errorCode"), told=data.get("errorMessage"),
        param=data.get("paramJson"), moving=True,
    )  # fmt: skip


def read_runway(data: Json) -> Record:
    """Runway: `state`, and the one film in `videoInfo`."""
    state = str(data.get("state", ""))
    links = _links([_inner(data.get("videoInfo")).get("videoUrl")]) if state == "success" else ()
    return _record(
        data, _JOB_PHASES.get(state, "running"), links=links, code=data.get("failCode"),
        told=data.get("failMsg"), param=data.get("generateParam"), moving=state == "generating",
    )  # fmt: skip


UNIFIED: Final = "jobs"
FAMILIES: Final[dict[str, Endpoints]] = {
    UNIFIED: Endpoints("/api/v1/jobs/createTask", "/api/v1/jobs/recordInfo", read_job, _wrapped),
    "veo": Endpoints("/api/v1/veo/generate", "/api/v1/veo/record-info", read_veo, _beside),
    "runway": Endpoints(
        "/api/v1/runway/generate", "/api/v1/runway/record-detail", read_runway, _alone
    ),
}


def family_of(model: Model) -> Endpoints:
    """By the row of the catalogue. Raises Permanent `unknown_model` for a family we cannot read."""
    endpoints = FAMILIES.get(model.family or UNIFIED)
    if endpoints is None:
        raise Permanent("unknown_model", model=model.name)
    return endpoints


def _record(
    data: Json,
    phase: Any,
    *,
    links: tuple[str, ...],
    code: object,
    told: object,
    param: object,
    moving: bool,
) -> Record:
    """What the three have in common."""
    credits_used = _number(data.get("creditsConsumed"))
    progress = _number(data.get("progress"))
    created_ms = _number(data.get("createTime")) or _number(data.get("generateTime"))
    callback = _inner(param).get("callBackUrl")
    return Record(
        phase=phase,
        links=links,
        progress=None
        if progress is None
        else min(1.0, progress / 100 if progress > 1 else progress),
        cost_usd_micros=None if credits_used is None else micros(credits_used * USD_PER_CREDIT),
        age_s=None if created_ms is None else max(0.0, unix_s() - created_ms / 1000),
        moving=moving,
        code=int(_number(code) or 0),
        told=str(told or ""),
        callback_url=callback if isinstance(callback, str) and callback else None,
    )


def _inner(value: object) -> Json:
    """An object, or JSON of one inside a string; an empty one for anything else."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return {}
    return value if isinstance(value, dict) else {}


def _links(value: object) -> tuple[str, ...]:
    """The addresses of a list; none when one of them is no address."""
    if not isinstance(value, list) or not all(isinstance(each, str) and each for each in value):
        return ()
    return tuple(value)


def _number(value: object) -> float | None:
    """A number, also inside a string (`"0.48"`); None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except ValueError:
        return None
    return number if math.isfinite(number) and number >= 0 else None
