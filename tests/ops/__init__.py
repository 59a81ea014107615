"""What `make check-ops` runs: the cluster's files against the tools that will read them.

`python -m tests.ops` calls promtool, Prometheus, hadolint and a compose linter where they are
installed, and says what it left out and why. What needs no tool is in `tests/unit/test_ops_files.py`
and runs with all tests. Start reading at `__main__.py`.
"""
