"""What a task looks like on the wire, in the words of each family of endpoints.

The same facts have four shapes: kie.ai's unified jobs, Veo, Runway, and the videos of OpenRouter.
"""

import json
from collections.abc import Callable
from typing import Any, Final

from ops.base.clock import unix_s
from ops.sandbox.journal import Family
from ops.sandbox.limits import CREDIT_USD
from ops.sandbox.links import links
from ops.sandbox.operations import OPENROUTER_PREFIX
from ops.sandbox.tasks import Phase, Task, Timing

Record = dict[str, Any]
BROKEN: Final = '{"resultUrls": ["https://'

_JOB_STATES: Final[dict[Phase, str]] = {
    "waiting": "waiting", "running": "generating", "success": "success", "fail": "fail",
}  # fmt: skip
_RUNWAY_STATES: Final[dict[Phase, str]] = {
    "waiting": "wait", "running": "generating", "success": "success", "fail": "fail",
}  # fmt: skip
_VEO_FLAGS: Final[dict[Phase, int]] = {"waiting": 0, "running": 0, "success": 1, "fail": 3}
_VIDEO_STATES: Final[dict[Phase, str]] = {
    "waiting": "pending", "running": "in_progress", "success": "completed", "fail": "failed",
}  # fmt: skip


def record(task: Task, timing: Timing, *, broken: bool = False) -> Record:
    """The body of an answer to a poll. `broken`: the place of the links holds something else."""
    harmed = broken or task.order.fate.broken_record
    urls = links(task, timing) if task.phase == "success" else []
    data = _RECORDS[task.order.family](task, urls, harmed)
    if task.order.family == "videos":
        return data
    return {"code": 200, "msg": "success", "data": data}


def callback_body(task: Task, timing: Timing) -> Record:
    """What is posted to the client when the task has ended."""
    body = _CALLBACKS[task.order.family](task, timing)
    if task.phase == "fail" and task.order.family != "videos":
        body |= {"code": int(task.order.fate.fail_code), "msg": task.order.fate.fail_message}
    return body


def credits_of(task: Task) -> float:
    return round(task.purchase.charged_usd / CREDIT_USD, 4)


def _job(task: Task, urls: list[str], broken: bool) -> Record:  # noqa: FBT001 (one shape for all four)
    fate, at = task.order.fate, task.purchase.at
    finished_at = task.purchase.finished_at
    done = task.phase == "success"
    result = BROKEN if broken else json.dumps({"resultUrls": urls})
    return {
        "taskId": task.id,
        "model": task.purchase.model,
        "state": _JOB_STATES[task.phase],
        "param": task.order.param,
        "resultJson": result if done else "",
        "failCode": fate.fail_code if task.phase == "fail" else None,
        "failMsg": fate.fail_message if task.phase == "fail" else None,
        "costTime": _ms((finished_at or at) - at),
        "createTime": _ms(at),
        "updateTime": _ms(finished_at or unix_s()),
        "completeTime": None if finished_at is None else _ms(finished_at),
        "creditsConsumed": credits_of(task) if done else 0,
        "progress": round(task.share * 100),
    }


def _veo(task: Task, urls: list[str], broken: bool) -> Record:  # noqa: FBT001
    done, failed = task.phase == "success", task.phase == "fail"
    fate, finished_at = task.order.fate, task.purchase.finished_at
    response = {"taskId": task.id, "resultUrls": urls, "originUrls": [], "resolution": "720p"}
    return {
        "taskId": task.id,
        "paramJson": task.order.param,
        "completeTime": None if finished_at is None else _ms(finished_at),
        "response": (BROKEN if broken else response) if done else None,
        "successFlag": _VEO_FLAGS[task.phase],
        "errorCode": int(fate.fail_code) if failed else None,
        "errorMessage": fate.fail_message if failed else "",
        "createTime": _ms(task.purchase.at),
        "fallbackFlag": False,
    }


def _runway(task: Task, urls: list[str], broken: bool) -> Record:  # noqa: FBT001
    done, failed = task.phase == "success", task.phase == "fail"
    info = {"videoId": f"{task.id}-0", "taskId": task.id, "videoUrl": urls[0]} if urls else None
    return {
        "taskId": task.id,
        "generateParam": task.order.param,
        "state": _RUNWAY_STATES[task.phase],
        "generateTime": _ms(task.purchase.at),
        "videoInfo": (BROKEN if broken else info) if done else None,
        "failCode": int(task.order.fate.fail_code) if failed else 0,
        "failMsg": task.order.fate.fail_message if failed else "",
        "expireFlag": 0,
    }


def _video(task: Task, urls: list[str], broken: bool) -> Record:  # noqa: FBT001
    base = f"{task.order.base_url}{OPENROUTER_PREFIX}/videos/{task.id}"
    body: Record = {
        "id": task.id,
        "model": task.purchase.model,
        "status": _VIDEO_STATES[task.phase],
        "polling_url": f"{OPENROUTER_PREFIX}/videos/{task.id}",
    }
    if task.phase == "fail":
        body["error"] = task.order.fate.fail_message
    if task.phase == "success":
        body["usage"] = {"cost": task.purchase.charged_usd, "is_byok": False}
        body["unsigned_urls"] = BROKEN if broken else [f"{base}/content?index=0"]
        body["urls"] = BROKEN if broken else urls
    return body


def _job_callback(task: Task, timing: Timing) -> Record:
    return record(task, timing)


def _veo_callback(task: Task, timing: Timing) -> Record:
    urls = links(task, timing) if task.phase == "success" else []
    info = {"resultUrls": urls, "resolution": "720p"}
    data = {"taskId": task.id, "info": info, "creditsConsumed": credits_of(task)}
    return {"code": 200, "msg": "Veo video generated successfully.", "data": data}


def _runway_callback(task: Task, timing: Timing) -> Record:
    urls = links(task, timing) if task.phase == "success" else [""]
    data = {"task_id": task.id, "video_id": f"{task.id}-0", "video_url": urls[0]}
    return {"code": 200, "msg": "All generated successfully.", "data": data}


def _video_callback(task: Task, timing: Timing) -> Record:
    data = record(task, timing)
    return {"type": f"video.generation.{data['status']}", "data": data}


def _ms(moment_s: float) -> int:
    return round(moment_s * 1000)


_RECORDS: Final[dict[Family, Callable[[Task, list[str], bool], Record]]] = {
    "jobs": _job, "veo": _veo, "runway": _runway, "videos": _video,
}  # fmt: skip
_CALLBACKS: Final[dict[Family, Callable[[Task, Timing], Record]]] = {
    "jobs": _job_callback, "veo": _veo_callback, "runway": _runway_callback,
    "videos": _video_callback,
}  # fmt: skip
