"""Running the product: settings, logs, metrics, the command line and the embedded servers.

Only `ops.base` may be imported by the rest; it stands on `schemas` alone. All else here
(`ops.cli`, `ops.stack`) is on top of the ring and may import all of it; none may import `ops.cli`.
Start reading at `ops/base/settings.py` for what can be set, at `ops/cli/` for what can be run.
"""
