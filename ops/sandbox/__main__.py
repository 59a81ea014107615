"""The child process behind `running_sandbox`: it serves until its parent ends."""

import argparse
import sys
from pathlib import Path

from ops.base import logs
from ops.sandbox.server import serve
from schemas.errors import ConfigError


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m ops.sandbox")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--journal", type=Path, required=True)
    told = parser.parse_args()
    logs.configure("warning", process="leyden sandbox")
    try:
        serve(host=told.host, port=told.port, journal_path=told.journal, parent_line=True)
    except ConfigError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
