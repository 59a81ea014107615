"""`python join.py -u -c CODE`: run CODE as `python` would, in a process that the nest forks.

What pytest-xdist starts instead of an interpreter. It imports nothing of the product, hands over its files,
and ends as that process ends; killed, it takes that process along.
"""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent.parent))

from tests.nest import NUMBER, ask

told = {"code": sys.argv[-1], "cwd": str(Path.cwd()), "env": dict(os.environ)}
line, _ = ask(told, [0, 1, 2])
for file in (0, 1):
    os.close(file)
(code,) = NUMBER.unpack(line.recv(NUMBER.size))
os._exit(code if code >= 0 else 128 - code)
