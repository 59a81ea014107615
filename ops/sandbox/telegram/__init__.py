"""The part of the sandbox that plays Telegram: a Bot API server, and a chat page in the browser.

It imports `ops.base`, `schemas` and the rest of `ops.sandbox`; only `ops.sandbox`, `ops.cli` and tests
import it. `telegram_router` is all there is to mount, behind `Doors`. What bots may call is in
`methods/`, what people do is `acts.py`, what tests turn is `control.py`, what a newcomer sees is
`page.py` with `static/`.
Start reading at `world.py`: it names everything that is remembered.
"""

from ops.sandbox.telegram.routes import is_telegram
from ops.sandbox.telegram.routes import router as telegram_router
from ops.sandbox.telegram.world import TelegramWorld

__all__ = ["TelegramWorld", "is_telegram", "telegram_router"]
