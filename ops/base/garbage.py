"""Python's collector of garbage, for a process that stays for days.

As it comes, it looks through all that lives whenever that has grown by a quarter: with the modules of the
product that held the loop of a busy worker for 50 ms each time, an eighth of its processor time in all.
"""

import gc
from typing import Final

NEW_MAX: Final = 20_000
"""Objects made and not yet gone until the young ones are looked through. Only what refers to itself in a
circle waits for that; everything else goes when the last reference does.
"""


def ease() -> None:
    """When a process begins: nearly all that it makes now are modules, and they stay."""
    gc.set_threshold(NEW_MAX, 10, 10)


def settle() -> None:
    """When it has started: what is there by now stays until its end and is not looked at again."""
    gc.collect()
    gc.freeze()
    ease()
