"""One server that plays the outside world on the wire, so that nothing is ever bought in a test.

Today it is OpenAI, OpenRouter and kie.ai: their formats, limits and ways to fail, a journal of what
would have been bought, and a dial for faults. It imports `ops.base` and `schemas` and nothing else of
ours; only `ops.cli` and tests import it. The wire is `openai.py`, `openrouter.py` and `kie.py`; what
every request passes first is `gate.py`; what they share is `world.py`. Start reading at `app.py`.
"""

from ops.sandbox.handle import Sandbox, running_sandbox

__all__ = ["Sandbox", "running_sandbox"]
