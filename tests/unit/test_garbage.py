"""What a process that stays does about Python's collector."""

import subprocess
import sys

ASKED = """
import gc
import weakref
from ops.base import garbage

class Ring:
    def __init__(self):
        self.itself = self

gc.disable()
lost = weakref.ref(Ring())
gc.enable()
garbage.settle()
frozen = gc.get_freeze_count()
assert frozen > 1_000, frozen
assert lost() is None, "nothing lost is kept for ever"
assert gc.get_threshold()[0] == garbage.NEW_MAX

before = gc.get_stats()[0]["collections"]
kept = [[] for _ in range(garbage.NEW_MAX // 2)]
assert gc.get_stats()[0]["collections"] == before
circles = [Ring() for _ in range(2 * garbage.NEW_MAX)]
assert gc.get_stats()[0]["collections"] > before, "what refers to itself is still found"
"""


def test_what_was_there_at_the_start_is_not_looked_at_again() -> None:
    """In a process of its own: this one has settled in its own way."""
    subprocess.run([sys.executable, "-c", ASKED], check=True, timeout=60)
