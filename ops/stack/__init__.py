"""The stores a command brings along: PostgreSQL and Valkey from their wheels, started by us.

`open_stack` is the one way in (`handle.py`, start reading there): the first command on a data
folder owns the servers, later ones attach. Below it: `claim.py` says who owns, `servers.py` runs
the pair, `postgres.py` and `valkey.py` know their server, `launcher.py` is what each is born from.
May be imported by `ops.cli` and tests; a production cluster brings its own stores instead.
"""

from ops.stack.folders import erase
from ops.stack.handle import StackHandle, open_stack
from ops.stack.servers import ServerPair

__all__ = ["ServerPair", "StackHandle", "erase", "open_stack"]
