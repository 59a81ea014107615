"""From the faults of an order to the fate of its task."""

from typing import Final

from ops.sandbox.faults import Faults
from ops.sandbox.journal import Fate

POLICY: Final = "The task was refused by the content policy: your prompt was flagged."
POLICY_CODE: Final = "400"


def fate_of(faults: Faults) -> Fate:
    """Decided once, when the order is taken, and kept over a restart."""
    code, message = _failure(faults)
    forever = faults.take("task_forever") is not None
    silent = faults.take("no_callback") is not None
    copies = faults.take_number("duplicate_callback") or 1
    link = faults.take("expired_url")
    return Fate(
        ends="never" if forever else "fail" if code else "success",
        fail_code=code,
        fail_message=message,
        slow_s=faults.take_number("task_slow") or 0.0,
        broken_record=faults.take("broken_result_json") is not None,
        link="good" if link is None else "gone" if link == "gone" else "now",
        redirect=faults.take("redirect_private") or "",
        callbacks=0 if silent else int(copies),
        forgery=faults.take("forged_callback") or "",
    )


def failed(code: str, message: str, fate: Fate) -> Fate:
    """The same task, if what came with it cannot work."""
    return fate.model_copy(update={"ends": "fail", "fail_code": code, "fail_message": message})


def _failure(faults: Faults) -> tuple[str, str]:
    if faults.take("content_refusal") is not None:
        return POLICY_CODE, POLICY
    code = faults.take("task_failed")
    return (code, f"Generation failed with code {code}.") if code else ("", "")
