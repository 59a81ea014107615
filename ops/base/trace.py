"""One trace id from the request to the result, in the W3C form that other tools understand.

`traceparent` is `00-<32 hex of trace>-<16 hex of span>-<2 hex of flags>` (W3C Trace Context, level 1).
"""

import re
import secrets
from typing import Final

_TRACEPARENT: Final = re.compile(r"^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}\Z")


def trace_of(traceparent: str | None) -> str:
    """The caller's trace where it sent a valid one, else a new one that is sampled."""
    if traceparent and _TRACEPARENT.match(traceparent.strip()):
        return traceparent.strip()
    return f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-01"


def trace_id(traceparent: str) -> str:
    """The 32 hex digits by which logs name the job's trace; empty for a job without a trace."""
    return traceparent[3:35]
